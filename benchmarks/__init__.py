"""Programs that measure the tool against its goals."""
