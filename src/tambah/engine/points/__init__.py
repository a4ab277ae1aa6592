"""Bringing top-up points in: a CSV file, what changes by it, and what is wrong with it."""

from tambah.engine.points.importing import PointsRequest, PointsResult, import_points

__all__ = ["PointsRequest", "PointsResult", "import_points"]
