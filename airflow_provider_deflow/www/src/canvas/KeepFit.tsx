// SPDX-License-Identifier: Apache-2.0
// Keeps the whole graph in sight while the place for it grows or shrinks beside Airflow's own panels, until somebody has
// moved the canvas: then it stays where it was put.
import { type FitViewOptions, useReactFlow, useStore } from "@xyflow/react";
import { type RefObject, useEffect, useRef } from "react";

export const FIT: FitViewOptions = { maxZoom: 1, padding: 0.08 };

export function KeepFit({ isMoved }: { isMoved: RefObject<boolean> }) {
  const { fitView } = useReactFlow();
  const width = useStore((state) => state.width);
  const fitted = useRef(width);
  useEffect(() => {
    if (fitted.current !== width && !isMoved.current) void fitView(FIT);
    fitted.current = width;
  }, [width, isMoved, fitView]);
  return null;
}
