"""SAGE Studio's Python side: models, the loss, pre-training and graph export."""
