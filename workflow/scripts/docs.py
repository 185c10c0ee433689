"""Write docs/methods.md and docs/datasets.md from the docstrings."""

from workflow.docs import write_pages

if __name__ == "__main__":
    write_pages()
