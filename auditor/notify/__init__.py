"""Tell somebody of new findings: `shape` says how a receiver wants them (data in `receivers/`), `delivery` posts them."""
