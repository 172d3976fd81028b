// SPDX-License-Identifier: Apache-2.0
// What Airflow loads: the page behind DeFlow in its navigation, and the tab on a Dag and on a Dag run.
import { App, type HostProps } from "./App";

// A plain function: Airflow's loader refuses memo() and forwardRef() objects.
export default function DeFlow(props: HostProps) {
  return <App {...props} />;
}
