/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef HVOADM_H
#define HVOADM_H

#include <inttypes.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#define WORD		"hugetlb_free_vmemmap="
#define HVO_CFG		"/etc/default/grub.d/hvo.cfg"
#define SEAL_SYSCTL	"/proc/sys/vm/hugetlb_vmemmap_seal"
#define LOOK		"run as root, and see that /proc and /sys are mounted"
#define RESERVE_KB	32

/* hvoadm.c: fail() is the exit status of all that fails. */
#define row(name, format, ...)	printf("%-22s " format "\n", name, ##__VA_ARGS__)
#define fail(format, ...)							\
	(fflush(stdout), fprintf(stderr, "%shvoadm:%s " format "\n",		\
				 colour("\033[31m", 2), colour("\033[0m", 2), ##__VA_ARGS__), 1)
const char *colour(const char *code, int fd);
const char *amount(int64_t kb);

/* file.c */
extern const char *root;	/* "": the machine's own files */
const char *below_root(const char *path);
bool exists(const char *path);
char *read_text(const char *path);
int write_knob(const char *path, const char *text);
int write_file(const char *path, const char *text);

/* machine.c */
enum { POOL_2M, POOL_1G, NR_POOLS };

struct pool {
	const char *name, *folder;
	uint64_t size_kb, page_saves_kb, total, free, surplus;
};

struct machine {
	char release[80], mode[8];
	bool feature, is_on;	/* a kernel of hvo-base, in another mode than off */
	bool stock;		/* one with an HVO of its own */
	uint64_t memory_kb, sealed, optimizing, collapsed_kb, saved_kb, reserve_kb;
	uint64_t reserve_used, restore_failures;
	struct pool pools[NR_POOLS];
	uint64_t pool_kb, expected_kb, tables_kb;	/* by sum_up() */
	char trouble[256];	/* with the first file that is bad */
};

bool parse_number(const char *text, uint64_t *value);
bool machine_read_pools(struct machine *m);
bool machine_read(struct machine *m);
void sum_up(struct machine *m);

/* facts.c: what status and prometheus tell, in this order */
enum unit { FLAG, KB, PAGES, COUNT };

struct fact {
	const char *name, *size;	/* of pages, or "" */
	enum unit unit;
	int64_t value;
	const char *help;
};

#define NR_FACTS	16
void facts_of(const struct machine *m, struct fact facts[NR_FACTS]);

/* The commands; each returns the exit status. */
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
