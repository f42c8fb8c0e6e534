"""What can be set about images."""

from __future__ import annotations

from pathlib import Path

import msgspec


class ImageSettings(msgspec.Struct, frozen=True):
    """`docker_config` is the file with the host's logins at registries. A pull that fails for a
    reason that may pass is tried again, first after `backoff_s`, then ever later, until
    `patience_s` have gone since it first failed.

    An image of ours that has not been used for `max_age_s` is removed (0: never). When the images'
    disk is fuller than `high_percent`, those are removed that were not used for longest, down to
    `low_percent`, but none that was used less than `min_age_s` ago. The defaults are the kubelet's
    imageGCHighThresholdPercent, imageGCLowThresholdPercent and imageMinimumGCAge.
    """

    docker_config: Path | None = None
    backoff_s: float = 1.0
    patience_s: float = 60.0
    max_age_s: float = 7 * 86400.0
    min_age_s: float = 120.0
    high_percent: int = 85
    low_percent: int = 80
