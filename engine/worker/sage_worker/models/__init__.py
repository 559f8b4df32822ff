"""Video generators behind one interface."""
