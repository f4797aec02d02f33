"""`tidegate serve`: the same path as `scan`, for a platform that sends what its users upload."""
