/* SPDX-License-Identifier: GPL-2.0-only */
/* The commands of hvoadm; each returns the exit status. */
#ifndef HVOADM_H
#define HVOADM_H

#include "machine.h"
#include "print.h"

#define WORD	"hugetlb_free_vmemmap="
#define HVO_CFG	"/etc/default/grub.d/hvo.cfg"
#define LOOK	"run as root, and see that /proc and /sys are mounted"

struct options {
	const char *given[128];	/* by the letter in long_options: its value, or "" */
	const char *plan[NR_POOLS], *mode;
	int plans;
};

int cmd_estimate(const struct options *o);
int cmd_status(const struct options *o);
int cmd_check(const struct options *o);
int cmd_prometheus(const struct options *o);
int cmd_enable(const struct options *o);
int cmd_disable(const struct options *o);
int cmd_seal(const struct options *o);

#endif
