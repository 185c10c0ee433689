rule write_appendix:
    # A reading's tables and figures as a paper's appendix: LaTeX, and its PDF where pdflatex is installed.
    input:
        local(imported_sources(ROOT / "workflow/scripts/appendix.py")),
        lambda w: local(
            [
                rows.source(READINGS[w.reading], method)
                for method in jobs.methods(READINGS[w.reading])
            ]
        ),
        records=lambda w: jobs.record_files(READINGS[w.reading], w.reading),
        scores=lambda w: jobs.score_files(READINGS[w.reading], w.reading),
        data=lambda w: expand(
            f"{config['results']}/{w.reading}/data/{{dataset}}.json",
            dataset=READINGS[w.reading]["run"]["datasets"],
        ),
        tables=f"{config['results']}/{{reading}}/tables",
        figures=f"{config['results']}/{{reading}}/figures",
    output:
        directory(f"{config['results']}/{{reading}}/appendix"),
    log:
        f"{config['results']}/{{reading}}/logs/appendix.log",
    conda:
        "../../environment.yml"
    resources:
        mem_mb=2000,
    params:
        job=lambda w: json.dumps(jobs.report_job(READINGS[w.reading], w.reading)),
    shell:
        "python -m workflow.scripts.appendix --job - --tables {input.tables:q} --figures {input.figures:q}"
        " --folder {output:q} <<< {params.job:q} 2>&1 | tee {log:q}"


rule appendix:
    # The appendix of every reading.
    input:
        expand(f"{config['results']}/{{reading}}/appendix", reading=READINGS),
