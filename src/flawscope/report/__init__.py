"""Pictures and pages for people: whole in themselves, opened from disk, no network."""

from flawscope.report.inspection import MOST_PICTURES, InspectionPage
from flawscope.report.overlay import overlay

__all__ = ["MOST_PICTURES", "InspectionPage", "overlay"]
