rule report:
    # From records to tables, figures and the page.
    input:
        local(imported_sources(ROOT / "workflow/scripts/report.py")),
        local(ROOT / "config/sources.yaml"),
        local(sorted((ROOT / "reports/published").glob("*.*"))),
        records=lambda w: jobs.record_files(READINGS[w.reading], w.reading),
        halves=lambda w: jobs.halves_files(READINGS[w.reading], w.reading),
        scores=lambda w: jobs.score_files(READINGS[w.reading], w.reading),
        data=lambda w: expand(
            f"{config['results']}/{w.reading}/data/{{dataset}}.{{ending}}",
            dataset=READINGS[w.reading]["run"]["datasets"],
            ending=jobs.ENDINGS,
        ),
        one_length=lambda w: jobs.one_length(READINGS[w.reading], w.reading),
    output:
        # Not in Snakemake's own report: a browser refuses an address of its size, which is how that embeds a page.
        page=f"{config['results']}/{{reading}}/report.html",
        tables=report(
            directory(f"{config['results']}/{{reading}}/tables"),
            patterns=["{table}.csv"],
            caption="../captions/table.rst",
            category="Tables",
            labels={"reading": "{reading}", "table": "{table}"},
        ),
        figures=report(
            directory(f"{config['results']}/{{reading}}/figures"),
            patterns=["{figure}.png"],
            caption="../captions/figure.rst",
            category="Figures",
            labels={"reading": "{reading}", "figure": "{figure}"},
        ),
        clusters=directory(f"{config['results']}/{{reading}}/clusters"),
    log:
        f"{config['results']}/{{reading}}/logs/report.log",
    conda:
        "../../environment.yml"
    # For one library and process: t-SNE has processes of its own, and it is the last job to run.
    threads: 1
    resources:
        mem_mb=4000,
    params:
        job=lambda w: json.dumps(jobs.report_job(READINGS[w.reading], w.reading)),
    shell:
        "python -m workflow.scripts.report --job - --page {output.page:q} --tables {output.tables:q}"
        " --figures {output.figures:q} --clusters {output.clusters:q} <<< {params.job:q} 2>&1 | tee {log:q}"
