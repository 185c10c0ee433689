# Studies declare their data, readings and files themselves: workflow/studies.py says how.


rule study_raw:
    # One case of a study that reads raw data.
    input:
        lambda w: local(imported_sources(studies.case_source(w.study))),
        local(sorted((ROOT / "reports/published").glob("*.csv"))),
    output:
        f"{config['results']}/{{study}}/{{dataset}}.jsonl",
    log:
        f"{config['results']}/logs/{{study}}/{{dataset}}.log",
    conda:
        "../../environment.yml"
    resources:
        mem_mb=8000,
        runtime=240,
    params:
        raw=config["raw"],
        mirror=config["mirror"] or "",
        folder=subpath(output[0], parent=True),
    shell:
        "python -m studies.{wildcards.study} run {wildcards.dataset} --raw {params.raw:q} --mirror={params.mirror:q}"
        " --out {params.folder:q} 2>&1 | tee {log:q}"


rule study_case:
    # One case of a study: a data set as a reading prepares it, for that reading or for one of its rows.
    input:
        lambda w: local(imported_sources(studies.case_source(w.study))),
        lambda w: studies.variants(w.study, READINGS)[w.variant].data(w.dataset),
    output:
        f"{config['results']}/{{study}}/{{dataset}}.{{variant}}.json",
    log:
        f"{config['results']}/logs/{{study}}/{{dataset}}.{{variant}}.log",
    conda:
        "../../environment.yml"
    resources:
        mem_mb=4000,
        runtime=240,
    params:
        folder=lambda w: studies.variants(w.study, READINGS)[w.variant].folder,
        settings=lambda w: json.dumps(
            studies.case_settings(
                w.study, studies.variants(w.study, READINGS)[w.variant], w.dataset
            )
        ),
    shell:
        "python -m studies.{wildcards.study} run {wildcards.dataset} --folder {params.folder:q}"
        " --variant {wildcards.variant} --settings {params.settings:q} --out {output:q} 2>&1 | tee {log:q}"


for study, declared in studies.declared().items():
    if "writes" not in declared:
        continue

    rule:
        # The page of one study, which is the name of the rule too.
        name:
            study
        input:
            local(imported_sources(studies.sources()[study])),
            local(sorted((ROOT / "reports/published").glob("*.csv"))),
            studies.page_inputs(study, READINGS, config["results"]),
        output:
            studies.page_files(study, config["results"]),
        log:
            f"{config['results']}/logs/{study}.log",
        conda:
            "../../environment.yml"
        resources:
            mem_mb=8000,
        params:
            study=study,
            folder=subpath(output[0], parent=True),
            job=studies.page_argument(study, READINGS, config["results"]),
        shell:
            "python -m studies.{params.study} report --out {params.folder:q} {params.job} 2>&1 | tee {log:q}"
