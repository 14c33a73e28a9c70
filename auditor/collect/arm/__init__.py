"""Talk to Azure Resource Manager: one pipeline, read-only, pinned to its host, patient, paced."""
