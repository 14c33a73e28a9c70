"""What is read, source by source: inventory, details, access, activity log, service tags."""
