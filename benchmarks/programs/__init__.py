"""The programs that are compared: each module has `run(task)`, which is timed, and gives the workload's answer."""
