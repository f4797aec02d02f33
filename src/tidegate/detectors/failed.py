"""A detector that could not answer."""

import logging

from tidegate.detectors.classifier import Classifier
from tidegate.evidence import Unknown

logger = logging.getLogger(__name__)


def failed(detector: Classifier, error: Exception) -> Unknown:
    """Log that a detector has failed, and return what is unknown because of it.

    Of the error only its type is told: the runtime's own words quote the graph, whose names are
    anybody's, and what it computed.
    """
    kind = type(error).__name__
    logger.error("detector %s failed: %s", detector.id, kind)
    return Unknown(
        stage="detectors",
        cause="detector_failed",
        detail=f"{detector.id} could not answer: {kind}",
        detector=detector.id,
        categories=detector.categories,
    )
