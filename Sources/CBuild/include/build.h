#pragma once

/// The commit that was built, as whoever built it named it; "unknown" where nobody did.
const char *build_commit(void);
