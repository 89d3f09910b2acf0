"""Generated times to first use whose true risks are known, in three worlds."""
