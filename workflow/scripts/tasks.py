"""Tables, figures and page of the supervised tasks of one reading."""

from reports.tasks import write_tasks

from .entry import main

if __name__ == "__main__":
    main(write_tasks, "folder")
