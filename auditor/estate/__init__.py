"""The snapshot as a graph: resources by id and type, relations between them, and the components they play."""
