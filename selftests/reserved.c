// SPDX-License-Identifier: GPL-2.0-only
/*
 * A mapping with a reservation must get its pages when they are touched, even while
 * memory blocks are being taken offline. Runs on any kernel, with movablecore=. The
 * last case seals the vmemmap.
 */
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>
#include "dimm.h"
#include "hvo.h"

#define PAGES	200L
#define ROUNDS	10

static struct shared {
	atomic_bool stop, mapped, busy;
	atomic_ulong attempts;
} *shared;

/*
 * Offlining fails, as reserved pages cannot be dissolved, but it isolates the block
 * for a while. Without a reservation pages of the pool would be dissolved, so no
 * block is taken offline then.
 */
static void offline_and_online(void)
{
	int i = 0;

	while (!shared->stop) {
		shared->busy = shared->mapped;
		if (!shared->busy) {
			usleep(1000);
			continue;
		}
		shared->attempts++;
		block_write(blocks[i], "offline");
		block_write(blocks[i], "online");
		i = (i + 1) % nr_blocks;
	}
	_exit(0);
}

/* Touches slowly, so that a block can be isolated in between. */
static void map_and_touch(void)
{
	char *map = mmap(NULL, PAGES * HUGE_2M, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB, -1, 0);
	long i;

	if (map == MAP_FAILED)
		_exit(1);
	shared->mapped = true;
	usleep(100000);
	for (i = 0; i < PAGES; i++) {
		map[i * HUGE_2M] = 1;
		usleep(5000);
	}
	_exit(0);
}

static pid_t start(void (*body)(void))
{
	pid_t pid = fork();

	if (!pid)
		body();
	return pid;
}

static int reserve_and_touch(void)
{
	int status = -1;
	long pool;

	while (shared->busy)
		usleep(1000);
	pool = hvo_pool(PAGES);
	if (pool != PAGES)
		ksft_print_msg("%ld pages\n", pool);
	waitpid(start(map_and_touch), &status, 0);
	shared->mapped = false;
	return status;
}

static int touch_once(int round)
{
	int status = reserve_and_touch();

	CHECK(!WIFSIGNALED(status) || WTERMSIG(status) != SIGBUS, "SIGBUS in round %d", round);
	CHECK(!status, "status %#x in round %d", status, round);
	return KSFT_PASS;
}

static int touch_while_blocks_leave(void)
{
	int i, ret = KSFT_PASS;
	pid_t other;
	long pool;

	find_blocks("valid_zones", "Movable");
	NEED(nr_blocks, "no memory is movable");
	pool = hvo_pool(PAGES);
	CHECK(pool == PAGES, "%ld pages", pool);
	shared->stop = false;
	shared->mapped = false;
	shared->busy = false;
	shared->attempts = 0;
	other = start(offline_and_online);
	for (i = 0; i < ROUNDS && ret == KSFT_PASS; i++)
		ret = touch_once(i);
	shared->stop = true;
	kill(other, SIGKILL);
	waitpid(other, NULL, 0);
	for (i = 0; i < nr_blocks; i++)
		block_write(blocks[i], "online");
	TRY(ret);
	ksft_print_msg("%lu attempts to take a block offline\n", shared->attempts);
	CHECK(shared->attempts >= ROUNDS, "only %lu attempts", shared->attempts);
	return KSFT_PASS;
}

static int reserved_pages_can_be_touched(void)
{
	return touch_while_blocks_leave();
}

static int sealed_reserved_pages_can_be_touched(void)
{
	long pool = hvo_pool(PAGES);

	NEED(hvo_optimizing(), "nothing is optimized");
	CHECK(pool == PAGES, "%ld pages", pool);
	CHECK(!hvo_write(SYSCTL_SEAL, 1), "cannot seal");
	return touch_while_blocks_leave();
}

static const struct hvo_case cases[] = {
	HVO_CASE(reserved_pages_can_be_touched),
	HVO_CASE(sealed_reserved_pages_can_be_touched),
};

int main(void)
{
	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE,
		      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	HVO_RUN(cases);
}
