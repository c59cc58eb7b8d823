// SPDX-License-Identifier: GPL-2.0-only
/*
 * Fills a file on hugetlbfs, which has no write(): fill FILE MIB. Each page gets other
 * words, so that a dump cannot leave it out as empty.
 */
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	size_t i, size = argc == 3 ? strtoul(argv[2], NULL, 10) << 20 : 0;
	uint64_t *words = MAP_FAILED;
	int fd;

	if (!size) {
		fprintf(stderr, "usage: fill FILE MIB\n");
		return 2;
	}
	fd = open(argv[1], O_RDWR | O_CREAT, 0600);
	if (fd >= 0 && !ftruncate(fd, size))
		words = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (words == MAP_FAILED) {
		perror("fill");
		return 1;
	}
	for (i = 0; i < size / sizeof(*words); i++)
		words[i] = i + 1;
	return 0;
}
