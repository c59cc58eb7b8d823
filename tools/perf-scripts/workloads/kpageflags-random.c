// SPDX-License-Identifier: GPL-2.0-only
#define WHERE work_random(nr)
#include "kpageflags.c"

const struct work work = {
	"kpageflags-random", "Reads the flags of pages at random.", 100000, prepare, run,
};
