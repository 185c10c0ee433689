"""An executor for tests: runs every job as a cluster's would, by the command that Snakemake makes for it, but here."""

import subprocess

from snakemake_interface_executor_plugins.executors.base import SubmittedJobInfo
from snakemake_interface_executor_plugins.executors.remote import RemoteExecutor
from snakemake_interface_executor_plugins.settings import CommonSettings

common_settings = CommonSettings(
    non_local_exec=True, implies_no_shared_fs=False, job_deploy_sources=False, pass_default_resources_args=True
)


class Executor(RemoteExecutor):
    """Waits for each job as it is submitted."""

    def __post_init__(self):
        self.codes = {}

    def run_job(self, job):
        """Run the job, then say that it was submitted."""
        self.codes[job] = subprocess.run(["bash", "-c", self.format_job_exec(job)], check=False).returncode
        self.report_job_submission(SubmittedJobInfo(job))

    async def check_active_jobs(self, active_jobs):
        """Say how the jobs ended; none is left active."""
        for info in active_jobs:
            (self.report_job_error if self.codes[info.job] else self.report_job_success)(info)
            for none in ():
                yield none

    def cancel_jobs(self, active_jobs):
        """Nothing runs on."""
