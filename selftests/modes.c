// SPDX-License-Identifier: GPL-2.0-only
/* The kernel parameter, the sysctls and the files in sysfs. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include "hvo.h"

static const struct {
	const char *value, *mode;
	bool warns;
} values[] = {
	{ "on", "on", false }, { "off", "off", false }, { "boot", "boot", false },
	{ "1", "on", false }, { "y", "on", false }, { "true", "on", false },
	{ "0", "off", false }, { "n", "off", false }, { "false", "off", false },
	{ "banana", "off", true }, { "", "off", true }, { "2", "off", true },
	{ "Boot", "off", true },
};

static int count_in_log(const char *text)
{
	int fd = open("/dev/kmsg", O_RDONLY | O_NONBLOCK);
	int lines = hvo_log_lines(fd, text);

	close(fd);
	return lines;
}

static int parameter_sets_the_mode(void)
{
	char value[64] = "off";
	int warnings = count_in_log("is unknown (use off, on or boot), using off");
	size_t i;

	hvo_cmdline("hugetlb_free_vmemmap", value, sizeof(value));
	for (i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
		if (strcmp(value, values[i].value))
			continue;
		CHECK(hvo_mode_is(values[i].mode), "'%s' should be %s", value, values[i].mode);
		CHECK(warnings == values[i].warns, "%d warnings", warnings);
		return KSFT_PASS;
	}
	CHECK(false, "the test does not know the value '%s'", value);
}

static int off_says_nothing_at_boot(void)
{
	NEED(hvo_mode_is("off"), "the mode is not off");
	NEED(count_in_log("Linux version") == 1, "the start of the log is gone");
	CHECK(!count_in_log("vmemmap mapped by"), "logged");
	return KSFT_PASS;
}

static int sysctl_starts_as_the_mode_says(void)
{
	CHECK(hvo_read(SYSCTL_OPTIMIZE) == hvo_mode_is("on"), "%ld", hvo_read(SYSCTL_OPTIMIZE));
	CHECK(hvo_read(SYSCTL_SEAL) == hvo_mode_is("boot"), "%ld", hvo_read(SYSCTL_SEAL));
	CHECK(hvo_read(HVO_SYSFS "sealed") == hvo_mode_is("boot"), "%ld",
	      hvo_read(HVO_SYSFS "sealed"));
	return KSFT_PASS;
}

static int writing_one_where_it_cannot_be(void)
{
	int expected = 0;

	if (hvo_mode_is("off"))
		expected = -EOPNOTSUPP;
	if (hvo_mode_is("boot"))
		expected = -EPERM;
	CHECK(hvo_write(SYSCTL_OPTIMIZE, 1) == expected, "expected %d", expected);
	CHECK(hvo_read(SYSCTL_OPTIMIZE) == !expected, "%ld", hvo_read(SYSCTL_OPTIMIZE));
	return KSFT_PASS;
}

static int writing_zero_is_always_fine(void)
{
	long before = hvo_read(SYSCTL_OPTIMIZE);

	CHECK(!hvo_write(SYSCTL_OPTIMIZE, 0), "refused");
	CHECK(hvo_read(SYSCTL_OPTIMIZE) == 0, "not 0");
	if (before == 1) {
		CHECK(hvo_pool(5) == 5, "no pool");
		CHECK(hvo_optimized() == 0, "%ld optimized", hvo_optimized());
		CHECK(!hvo_write(SYSCTL_OPTIMIZE, 1), "cannot go back");
	}
	return KSFT_PASS;
}

static int nonsense_is_refused(void)
{
	long before = hvo_read(SYSCTL_OPTIMIZE);

	CHECK(hvo_write(SYSCTL_OPTIMIZE, 2) == -EINVAL, "2");
	CHECK(hvo_write(SYSCTL_OPTIMIZE, -1) == -EINVAL, "-1");
	CHECK(hvo_write_str(SYSCTL_OPTIMIZE, "on") == -EINVAL, "on");
	CHECK(hvo_write(SYSCTL_SEAL, 0) == -EINVAL, "seal 0");
	CHECK(hvo_write(SYSCTL_SEAL, 2) == -EINVAL, "seal 2");
	CHECK(hvo_write_str(SYSCTL_SEAL, "x") == -EINVAL, "seal x");
	CHECK(hvo_read(SYSCTL_OPTIMIZE) == before, "changed");
	CHECK(hvo_read(SYSCTL_SEAL) == hvo_mode_is("boot"), "sealed by an invalid value");
	return KSFT_PASS;
}

/* A write without a number must not be taken as 1. */
static int writing_nothing_changes_nothing(void)
{
	long optimize = hvo_read(SYSCTL_OPTIMIZE), seal = hvo_read(SYSCTL_SEAL);
	int fd = open(SYSCTL_SEAL, O_WRONLY);

	CHECK(fd >= 0, "cannot open");
	CHECK(write(fd, "", 0) == 0, "an empty write is refused");
	CHECK(pwrite(fd, "1", 1, 1) == 1, "a write at offset 1 is refused, not ignored");
	close(fd);
	CHECK(hvo_read(SYSCTL_SEAL) == seal && hvo_read(SYSCTL_OPTIMIZE) == optimize, "changed");
	return KSFT_PASS;
}

static int sysfs_is_readable_numbers(void)
{
	DIR *entries = opendir(HVO_SYSFS);
	char path[512], word[64];
	struct dirent *entry;
	struct stat st;
	int files = 0;

	CHECK(entries, "no %s", HVO_SYSFS);
	while ((entry = readdir(entries))) {
		if (entry->d_name[0] == '.')
			continue;
		files++;
		snprintf(path, sizeof(path), "%s%s", HVO_SYSFS, entry->d_name);
		CHECK(!stat(path, &st) && (st.st_mode & 0777) == 0444, "%s", path);
		CHECK(!hvo_read_word(path, word, sizeof(word)), "%s", path);
		if (!strcmp(entry->d_name, "mode"))
			continue;
		CHECK(word[0] && strspn(word, "0123456789") == strlen(word), "%s: %s", path, word);
		CHECK(strlen(word) < 16, "%s: %s looks like an address", path, word);
	}
	closedir(entries);
	CHECK(files == HVO_SYSFS_FILES, "%d files", files);
	return KSFT_PASS;
}

static int knobs_are_for_root(void)
{
	int status;

	if (!fork()) {
		if (setgid(65534) || setuid(65534))
			exit(2);
		exit(hvo_write(SYSCTL_OPTIMIZE, 0) != -EACCES ||
		     hvo_write(SYSCTL_SEAL, 1) != -EACCES);
	}
	wait(&status);
	CHECK(!status, "not refused for an unprivileged user");
	CHECK(hvo_read(SYSCTL_SEAL) == hvo_mode_is("boot"), "sealed by an unprivileged user");
	return KSFT_PASS;
}

static int reserve_is_there_when_needed(void)
{
	CHECK(hvo_read(HVO_SYSFS "reserve_kb") == hvo_mode_is("on") * RESERVE_KIB,
	      "%ld KiB", hvo_read(HVO_SYSFS "reserve_kb"));
	CHECK(hvo_read(HVO_SYSFS "restore_failures") == 0, "%ld failures",
	      hvo_read(HVO_SYSFS "restore_failures"));
	return KSFT_PASS;
}

static const struct hvo_case cases[] = {
	HVO_CASE(parameter_sets_the_mode),
	HVO_CASE(off_says_nothing_at_boot),
	HVO_CASE(sysctl_starts_as_the_mode_says),
	HVO_CASE(writing_one_where_it_cannot_be),
	HVO_CASE(writing_zero_is_always_fine),
	HVO_CASE(nonsense_is_refused),
	HVO_CASE(writing_nothing_changes_nothing),
	HVO_CASE(sysfs_is_readable_numbers),
	HVO_CASE(knobs_are_for_root),
	HVO_CASE(reserve_is_there_when_needed),
};

int main(void)
{
	HVO_RUN(cases);
}
