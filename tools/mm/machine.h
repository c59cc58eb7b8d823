/* SPDX-License-Identifier: GPL-2.0-only */
/* What a machine tells about its HugeTLB pages and their optimization */
#ifndef HVOADM_MACHINE_H
#define HVOADM_MACHINE_H

#include <stdbool.h>
#include <stdint.h>

#define SEAL_SYSCTL	"/proc/sys/vm/hugetlb_vmemmap_seal"
#define RESERVE_KB	32

enum { POOL_2M, POOL_1G, NR_POOLS };

struct pool {
	const char *name, *folder;
	uint64_t size_kb, page_saves_kb, total, free, surplus;
};

struct machine {
	char release[80], mode[8];
	bool feature, stock;	/* a kernel of hvo-base, or one with an HVO of its own */
	uint64_t memory_kb, sealed, optimizing, collapsed_kb, saved_kb, reserve_kb;
	uint64_t reserve_used, restore_failures;
	struct pool pools[NR_POOLS];
	char trouble[256];	/* with the first file that is bad */
};

bool parse_number(const char *text, uint64_t *value);
bool machine_read_pools(struct machine *m);
bool machine_read(struct machine *m);
bool machine_is_on(const struct machine *m);
uint64_t pools_kb(const struct machine *m);
uint64_t pools_save_kb(const struct machine *m);
uint64_t tables_of_kb(uint64_t memory_kb);
uint64_t tables_kb(const struct machine *m);
int64_t net_kb(const struct machine *m);

#endif
