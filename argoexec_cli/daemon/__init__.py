"""The daemon: a gRPC server around any executor and, where there is one, a controller."""
