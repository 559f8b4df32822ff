"""The Shapes world: the small latent video model that the embedded engine trains."""
