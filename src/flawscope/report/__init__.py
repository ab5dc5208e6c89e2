"""Pictures and pages for people: whole in themselves, opened from disk, no network."""

from flawscope.report.comparing import Comparison
from flawscope.report.contact_sheet import validation_picture
from flawscope.report.curves import write_curves
from flawscope.report.evaluation import write_evaluation_page
from flawscope.report.inspection import MOST_PICTURES, InspectionPage
from flawscope.report.overlay import overlay

__all__ = [
    "MOST_PICTURES",
    "Comparison",
    "InspectionPage",
    "overlay",
    "validation_picture",
    "write_curves",
    "write_evaluation_page",
]
