# The short command's entry: the workflow lies where Snakemake's catalogue expects it, and a default target isn't included.
include: "workflow/Snakefile"


rule default:
    default_target: True
    input:
        rules.all.input,
