"""Pictures and pages for people: whole in themselves, opened from disk, no network."""

from flawscope.report.comparing import Comparison
from flawscope.report.contact_sheet import validation_picture
from flawscope.report.curves import write_curves
from flawscope.report.evaluation import write_evaluation_page
from flawscope.report.heatmap import heat_picture
from flawscope.report.inspection import MOST_PICTURES, InspectionPage
from flawscope.report.overlay import overlay
from flawscope.report.side_by_side import side_by_side

__all__ = [
    "MOST_PICTURES",
    "Comparison",
    "InspectionPage",
    "heat_picture",
    "overlay",
    "side_by_side",
    "validation_picture",
    "write_curves",
    "write_evaluation_page",
]
