/* SPDX-License-Identifier: GPL-2.0-only */
/* What status and prometheus tell, in the order of telling */
#ifndef HVOADM_FACTS_H
#define HVOADM_FACTS_H

#include <stdint.h>
#include "machine.h"

enum unit { FLAG, KB, COUNT };

struct fact {
	const char *name;
	enum unit unit;
	int64_t value;
	const char *help;
};

#define NR_FACTS	10

void facts_of(const struct machine *m, struct fact facts[NR_FACTS]);

#endif
