# SPDX-License-Identifier: Apache-2.0
"""One node of a graph as a task: find or start its job, follow it, keep its outputs.

The decisions are made below Airflow, in `jobs` and `job_request`; here they meet the task's context.
A short job is seen to its end by at most two looks in the worker. A longer one is handed
to the triggerer and comes back through `resume`. Green means: it ended, exit code 0, its outputs
were fetched, checked and kept.

What the task returns is small, whatever the outputs' size: the job's id, the hash of its outputs'
list in DeFlow's storage, and the hash of a record of inputs, code and times for the manifest.
"""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseOperator, XComArg
from airflow.sdk.exceptions import AirflowSkipException

from airflow_provider_deflow import agreement, errors, handover, job_request, job_search, jobs, links
from airflow_provider_deflow.graphs import graph as graphs
from airflow_provider_deflow.graphs import problems
from airflow_provider_deflow.hooks import settings, signed_urls
from airflow_provider_deflow.hooks.ocean_node import OceanNodeHook, worker_client
from airflow_provider_deflow.hooks.ocean_wallet import OceanWalletHook
from airflow_provider_deflow.hooks.storage import content_store
from airflow_provider_deflow.ledger import facts
from airflow_provider_deflow.ocean import choosing, compute
from airflow_provider_deflow.operators import events, lineage, measuring, paying
from airflow_provider_deflow.operators.faults import RetryAsTold, told_to_airflow
from airflow_provider_deflow.operators.handover import HandoverOperator
from airflow_provider_deflow.operators.intents import TellingMemory
from airflow_provider_deflow.operators.occasions import occasion_of, selection_of, wish_for_new
from airflow_provider_deflow.operators.recording import recorded, requests_to
from airflow_provider_deflow.operators.start import start_request
from airflow_provider_deflow.operators.stops import Stops
from airflow_provider_deflow.operators.work import (
    Work,
    keep_outputs,
    keep_record,
    kept_outputs,
    memory_of,
    outputs_of_any_run,
    uploads_of,
    values_of,
)
from airflow_provider_deflow.triggers.ocean_job import OceanJobTrigger

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from airflow.sdk import Context

    from airflow_provider_deflow.graphs.selection import Part
    from airflow_provider_deflow.ledger.recorder import Recorder
    from airflow_provider_deflow.ocean.outputs import ContentStore

# What handing a task to the triggerer and back costs in Airflow: to wait here that long is never slower.
DEFERRAL_SECONDS = 3.0
# Beyond the node's queue and the algorithm's own limit: time for image and data.
GRACE_SECONDS = 600.0
DEADLINE_KEY = "deflow_deadline"
PART_WORDS = {"runs": "runs", "reused": "takes what an earlier run kept"}


class OceanComputeOperator(lineage.TellsLineage, BaseOperator):
    """Runs one compute job on an Ocean Node.

    :param node: what to run, in the words of a graph document's node `data`: a mapping or the value
    :param values: what the texts of `node` name as `{{ params.… }}`, before the run's own params; may come
        from upstream: `{"algorithm": publish.output["did"]}`
    :param defaults: what holds where `node` is silent; a graph's `defaults`, likewise
    :param budget: the most that paid jobs of a run and a day may cost; a graph's `budget`, likewise
    :param environment_policy: how a compute environment is chosen when `node` names none: `free`,
        `cheapest` or `fastest`; None takes what `[deflow] environment_policy` says
    :param force_new: start a new job in each run and at each clear, though there be outputs of equal inputs.
        For one run of any Dag, `{"force_new": true}`, or a list of task ids, in its conf does the same

    Datasets come from `node` and from the `HandoverOperator`s upstream. The job's id is found again by
    whichever attempt comes next, so a retry follows the same job.
    """

    operator_extra_links = (links.OceanJobLink(), links.OceanNodeLink())
    ui_color = "#dbeafe"

    def __init__(
        self,
        *,
        node: graphs.ComputeData | Mapping[str, Any],
        values: Mapping[str, Any] | None = None,
        defaults: graphs.Defaults | Mapping[str, Any] | None = None,
        budget: graphs.Budget | Mapping[str, Any] | None = None,
        environment_policy: str | None = None,
        force_new: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.retry_policy = self.retry_policy or RetryAsTold()
        self.force_new = force_new
        self.node = problems.checked(graphs.ComputeData, node, self.task_id)
        self.values = dict(values or {})
        # No template field, and yet what comes from upstream.
        XComArg.apply_upstream_relationship(self, self.values)
        self.node_defaults = problems.checked(graphs.Defaults, defaults or {}, self.task_id)
        self.budget = problems.checked(graphs.Budget, budget or {}, self.task_id)
        paying.require_budget(self)
        self.environment_policy = environment_policy and choosing.policy_named(
            environment_policy, f"environment_policy of {self.task_id!r}"
        )
        self.ocean_node_url = ""
        self.job_id = ""
        self._stops = Stops()

    @property
    def ocean_node_conn_id(self) -> str:
        """The connection of the Ocean Node that runs the job."""
        return self.node.ocean_node or self.node_defaults.ocean_node

    @property
    def wallet_conn_id(self) -> str:
        """The connection of the account that owns the job."""
        return self.node.wallet or self.node_defaults.wallet

    @property
    def max_duration_seconds(self) -> int:
        """How long the algorithm may run."""
        return self.node.max_duration_seconds or self.node_defaults.max_duration_seconds

    def execute(self, context: Context) -> dict[str, Any]:
        """Find or start the job; return its outputs' reference, or defer until it is over."""
        with told_to_airflow(), recorded("node", self, context) as ledger:
            part = self._part(context, ledger)
            work = self._prepare(context, ledger)
            ledger.record(facts.inputs(work.inputs_sha256, job_request.fields_of(work.decisive)))
            if part == "reused":
                return self._reused(work)
            memory = memory_of(context)
            wish = wish_for_new(context, self.task_id, always=self.force_new)
            if not jobs.wants_new(memory, wish) and (kept := kept_outputs(work, memory)):
                return self._kept(work, kept, work.of_run.run_id)
            policy = self.environment_policy or settings.environment_policy()
            account = self._account(work)
            # An earlier try may have left a job, which is this one's from here on.
            self._stops.know(work, jobs.may_live(memory))
            with paying.starts_of(self, work, context, policy) as (starts, paid_with):
                found = jobs.find_or_start(
                    work.ocean_node,
                    work.signer,
                    work.of_run,
                    work.inputs_sha256,
                    lambda: start_request(
                        work,
                        self.max_duration_seconds,
                        policy,
                        self.log.info,
                        paid_with,
                        paying.on_access_list(self),
                    ),
                    TellingMemory(memory, ledger, account, lambda now: self._stops.know(work, now)),
                    say=self.log.info,
                    elsewhere=work.elsewhere,
                    leave=lambda job_id, url, why: events.tell_of_orphan(
                        work.of_run, why, job_id, url, ledger
                    ),
                    occasion=occasion_of(context, self.retries),
                    wish=wish,
                    starts=starts,
                    disagreement=lambda record: agreement.disagreement(record, work.node, work.inputs),
                    poll_interval_seconds=work.poll_interval_seconds,
                )
            self._show_job(work, found.job.job_id)
            measuring.taken(work, found)
            self.log.info("Job %s: %s (generation %d)", found.job.job_id, found.how, found.generation)
            ledger.record(
                facts.job(found.job, work.url, found.how, found.why, found.generation, work.hashes, account),
                facts.state(found.job.job_id, found.job.status, found.job.status_text),
            )
            job = self._follow_inline(work, found.job)
            if job.is_over:
                jobs.remember_over(memory)
                return self._finish(context, work, job)
        self.log.info("Job %s goes on: handing it to the triggerer", job.job_id)
        self.defer(
            trigger=OceanJobTrigger(
                ocean_node_conn_id=self.ocean_node_conn_id,
                wallet_conn_id=self.wallet_conn_id,
                owner=work.signer.address,
                job_id=job.job_id,
                deadline=self._deadline(memory_of(context), job.job_id),
            ),
            method_name="resume",
        )
        raise AssertionError("defer raises")

    def _part(self, context: Context, ledger: Recorder) -> Part:
        """Whether the node runs in this run or is reused. Raises Airflow's skip for one that is left out."""
        selected = selection_of(self, context)
        if selected is None:
            return "runs"
        ledger.record(facts.selected(selected))
        part = selected.part_of(self.task_id)
        if part == "skipped":
            raise AirflowSkipException(f"This run was asked for {selected}: {self.task_id!r} is left out.")
        self.log.info("This run was asked for %s: %r %s", selected, self.task_id, PART_WORDS[part])
        return part

    def _reused(self, work: Work) -> dict[str, Any]:
        """The outputs of an earlier run, without a request to anybody."""
        found = outputs_of_any_run(work)
        if found is None:
            raise errors.MissingOutput(
                f"{self.task_id!r} is to be reused, but no outputs are kept for the inputs it has now: "
                "it never succeeded with them, or they were cleared from DeFlow's storage. "
                f"Begin the run `from` it, or run the whole graph. "
                f"`deflow explain {work.of_run.run_id} {self.task_id}` says what changed."
            )
        return self._kept(work, *found)

    def _kept(self, work: Work, kept: dict[str, Any], run_id: str) -> dict[str, Any]:
        self._show_job(work, kept["job_id"])
        if self.lineage:
            self.lineage = lineage.with_outputs(self.lineage, work, work.store.outputs(kept["outputs"]).files)
        self.log.info("The outputs for these inputs are kept already: job %s of %s", kept["job_id"], run_id)
        work.ledger.record(facts.kept(kept["job_id"], kept["outputs"], run_id), facts.ended("succeeded"))
        return kept

    def _account(self, work: Work) -> dict[str, str]:
        """By which connections others reach the job: `deflow_upkeep` does."""
        return {
            "ocean_node": work.url,
            "owner": work.signer.address,
            "ocean_node_conn_id": self.ocean_node_conn_id,
            "wallet_conn_id": self.wallet_conn_id,
        }

    def _deadline(self, memory: jobs.Memory, job_id: str) -> float:
        """When the job has to be over, in epoch seconds; one time for all attempts that follow it."""
        kept = memory.get(DEADLINE_KEY) or {}
        if kept.get("job_id") == job_id:
            return float(kept["deadline"])
        longest = job_request.QUEUE_MAX_WAIT_SECONDS + self.max_duration_seconds + GRACE_SECONDS
        if self.execution_timeout is not None:
            longest = min(longest, self.execution_timeout.total_seconds())
        deadline = time.time() + longest
        memory.set(DEADLINE_KEY, {"job_id": job_id, "deadline": deadline})
        return deadline

    def resume(self, context: Context, event: dict[str, Any]) -> dict[str, Any]:
        """What comes after the triggerer: fetch the outputs, or say why there are none."""
        with told_to_airflow(), recorded("node", self, context) as ledger:
            remembered = memory_of(context).get(jobs.MEMORY_KEY) or {}
            job_id, url = remembered.get("job_id") or "", remembered.get("url") or ""
            ledger.record(*facts.watched(job_id, url, event.get("watched") or ()))
            # First: what the rest needs, a connection, may be what the triggerer could not read either.
            if event["status"] == "over":
                jobs.remember_over(memory_of(context))
            elif event["status"] != "vanished":
                why = f"{event.get('error', event)}: it may still run"
                events.tell_of_orphan(self._of_run(context), why, job_id, url, ledger)
            work = self._prepare(context, ledger)
            self._stops.know(work, remembered)
            self._show_job(work, job_id)
            if error := events.error_of(event, f"{self.task_id!r} on {url}: job {job_id}", url):
                raise error
            return self._finish(context, work, compute.ComputeJob.from_document(event["job"]))

    def on_kill(self) -> None:
        """Stop the job, or leave it for the next try: whatever is meant."""
        self._stops.told_to_end()

    def _show_job(self, work: Work, job_id: str) -> None:
        self.ocean_node_url, self.job_id = work.url, job_id
        if job_id:
            self.lineage = lineage.of_node(work, job_id)

    def _of_run(self, context: Context) -> job_search.NodeOfRun:
        ti = context["ti"]
        map_index = -1 if ti.map_index is None else ti.map_index
        return job_search.NodeOfRun(ti.dag_id, ti.run_id, self.task_id, map_index)

    def _prepare(self, context: Context, ledger: Recorder) -> Work:
        node = job_request.rendered(self.node, self._values(context))
        connection = OceanNodeHook(self.ocean_node_conn_id).settings()
        signer = OceanWalletHook(self.wallet_conn_id).signer()
        store = content_store()
        handed = (*self._handed_over(context, store), *uploads_of(node, store))
        inputs = tuple(
            handover.inputs_of(handed, job_request.own_input_names(node), signed_urls.signer_for(store))
        )
        return Work(
            node=node,
            ocean_node=worker_client(connection, signer, requests_to(ledger)),
            elsewhere=lambda url: worker_client(replace(connection, url=url), signer, requests_to(ledger)),
            stopper=lambda url: worker_client(
                replace(connection, url=url), signer, requests_to(ledger.aside(), counted=False)
            ),
            url=connection.url,
            poll_interval_seconds=connection.poll_interval_seconds,
            signer=signer,
            store=store,
            of_run=self._of_run(context),
            handed=handed,
            inputs=inputs,
            ledger=ledger,
        )

    def _values(self, context: Context) -> dict[str, Any]:
        found = values_of(context)
        for name, value in self.values.items():
            found["params"][name] = value.resolve(context) if isinstance(value, XComArg) else value
        return found

    def _handed_over(self, context: Context, store: ContentStore) -> list[handover.Handed]:
        """What the edges bring, in the order of their task ids, so that equal inputs hash equally."""
        edges = [self.dag.get_task(task_id) for task_id in sorted(self.upstream_task_ids)]
        return [
            HandoverOperator.handed(context, store, edge.task_id)
            for edge in edges
            if isinstance(edge, HandoverOperator)
        ]

    def _follow_inline(self, work: Work, job: compute.ComputeJob) -> compute.ComputeJob:
        for pause in (work.poll_interval_seconds, max(work.poll_interval_seconds, DEFERRAL_SECONDS)):
            if job.is_over:
                return job
            time.sleep(pause)
            try:
                now = work.ocean_node.status(job.job_id)
            except errors.OceanNodeError as error:
                # The job goes on whatever one look said; the triggerer looks on.
                self.log.warning("Job %s: cannot look at it: %s", job.job_id, error)
                continue
            if now is None:
                raise errors.JobVanished(
                    f"{self.task_id!r} on {work.url}: job {job.job_id} is not known there any more."
                )
            if now.status != job.status:
                self.log.info("Job %s: %s", job.job_id, now.status_text.strip())
                work.ledger.record(facts.state(now.job_id, now.status, now.status_text))
            job = now.seen_after(job)
        return job

    def _finish(self, context: Context, work: Work, job: compute.ComputeJob) -> dict[str, Any]:
        self.log.info("Job %s: %s", job.job_id, job.ended_because)
        work.ledger.record(facts.over(job))
        measuring.over(work, job)
        paying.settle(self, work, job)
        remembered = memory_of(context).get(jobs.MEMORY_KEY) or {}
        self.lineage = lineage.with_job(self.lineage, job, remembered.get("generation"))
        lines = self._copy_log(work, job, "algorithmLog")
        if job.outcome != "succeeded":
            # Before an algorithm ran, the node's own logs say why.
            lines = lines or self._copy_log(work, job, "configurationLog")
            lines = lines or self._copy_log(work, job, "imageLog")
            raise jobs.failure(job, self.task_id, work.url, lines[-jobs.LOG_TAIL_LINES :])
        outputs = measuring.fetched(work, lambda: jobs.fetch_outputs(work.ocean_node, job, work.store))
        jobs.check_declared(outputs, self._declared(), self.task_id)
        record = keep_record(work, job, outputs)
        returned = {
            "job_id": job.job_id,
            "ocean_node": work.url,
            "outputs": outputs.sha256,
            "files": len(outputs.files),
            "bytes": sum(file.size for file in outputs.files),
            "record": record,
        }
        keep_outputs(work, memory_of(context), returned)
        self.lineage = lineage.with_outputs(self.lineage, work, outputs.files)
        self.log.info("Kept %d output file(s), %d bytes", returned["files"], returned["bytes"])
        files = [(file.name, file.size, file.sha256) for file in outputs.files]
        work.ledger.record(facts.outputs(job.job_id, outputs.sha256, files, record), facts.ended("succeeded"))
        return returned

    def _copy_log(self, work: Work, job: compute.ComputeJob, name: str) -> list[str]:
        """Copy one of the job's logs into the task's."""
        try:
            lines = [line.text for line in work.ocean_node.logs(job, name)]
        except errors.DeflowError as error:
            self.log.warning("Job %s: its %s could not be fetched: %s", job.job_id, name, error)
            return []
        for line in lines:
            self.log.info("| %s", line)
        if lines:
            work.ledger.record(facts.log(job.job_id, name, lines))
        return lines

    def _declared(self) -> Sequence[str]:
        """The globs that outgoing edges name; a sink has to leave at least one file."""
        downstream = [self.dag.get_task(task_id) for task_id in self.downstream_task_ids]
        globs = {
            glob for task in downstream if isinstance(task, HandoverOperator) for glob in task.edge.data.files
        }
        return sorted(globs) or ["*"]
