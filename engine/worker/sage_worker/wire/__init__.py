"""The worker's end of the wire to the trainer: docs/worker.md."""
