"""The one thing of Snakemake's scheduler that isn't left as it is."""

DEFAULT_LIMIT = (100, 1)  # jobs and seconds


def drop_rate_limit(scheduler):
    """Let Snakemake look for jobs when one has finished and at no other time, unless the user set a limit.

    With a limit of jobs per second, and there is one by default, Snakemake 9 starts a timer each time that it has
    looked for jobs, and looks again when that is over. So every finished job leaves a timer for good, and after some
    dozens of jobs the schedule is solved dozens of times a second, on a core that a training could use.
    """
    limiter = getattr(scheduler, "job_rate_limiter", None)
    if limiter is not None and (limiter.max_jobs, limiter.timespan) == DEFAULT_LIMIT:
        scheduler.job_rate_limiter = None
