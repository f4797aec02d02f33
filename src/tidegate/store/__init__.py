"""What must outlive the process: items, jobs, decisions, alarms, the audit chain."""
