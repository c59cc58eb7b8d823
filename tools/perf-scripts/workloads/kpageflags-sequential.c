// SPDX-License-Identifier: GPL-2.0-only
#define WHERE ((uint64_t)i % nr)
#include "kpageflags.c"

const struct work work = {
	"kpageflags-sequential", "Reads the flags of one page after the other.", 100000,
	prepare, run,
};
