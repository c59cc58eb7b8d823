// SPDX-License-Identifier: GPL-2.0-only
/* Turns the feature on and off for the next boot, by a file of its own for GRUB. */
#define _GNU_SOURCE
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "hvoadm.h"

#define MARK		"# Written by hvoadm; \"hvoadm disable\" removes this file.\n"
#define DEFAULTS	"/etc/default/grub"
#define GRUB_CFG	"/boot/grub/grub.cfg"

struct entry {
	char submenu[256], title[256], release[128];
};

/* A title that a shell or GRUB would read otherwise is none for us. */
static bool title_of(const char *line, const char *keyword, char title[256])
{
	size_t length = strlen(keyword);

	if (strncmp(line, keyword, length))
		return false;
	line += length;
	length = strcspn(line, "'\"\\$`>");
	if (line[length] != '\'' || line[length + 1] != ' ' || length > 255)
		return false;
	snprintf(title, 256, "%.*s", (int)length, line);
	return true;
}

/* GRUB's words differ by language, but the last is the release. That of hvo-base wins. */
static void consider(struct entry *entry, const char *running, struct entry *best)
{
	const char *space = strrchr(entry->title, ' ');
	bool named, best_named = strstr(best->release, "+hvo");

	snprintf(entry->release, sizeof(entry->release), "%s", space ? space + 1 : "");
	named = strstr(entry->release, "+hvo");
	if (!named && (best_named || !*running || strcmp(entry->release, running)))
		return;
	if (named != best_named || strverscmp(entry->release, best->release) > 0)
		*best = *entry;
}

/* Entries of the submenu are indented. Those of a submenu without a usable title are left. */
static void find_kernel(struct entry *best)
{
	struct entry entry = {};
	struct machine m;
	const char *running = machine_read(&m) && m.feature ? m.release : "";
	char *rest = read_text(GRUB_CFG), *line;
	bool known = true;

	*best = (struct entry) {};
	while (rest && (line = strsep(&rest, "\n"))) {
		const char *words = line + strspn(line, " \t");

		if (*line == '}' || !strncmp(words, "submenu ", 8)) {
			*entry.submenu = '\0';
			known = *line == '}' || title_of(line, "submenu '", entry.submenu);
		} else if (known && title_of(words, "menuentry '", entry.title)) {
			consider(&entry, running, best);
		}
	}
}

static char *config(const char *mode, const struct entry *kernel)
{
	const char *arrow = *kernel->submenu ? ">" : "", *adds = MARK
		"GRUB_CMDLINE_LINUX=\"$GRUB_CMDLINE_LINUX " WORD;
	char *text;
	int length;

	if (*kernel->release)
		length = asprintf(&text, "%s%s\"\nGRUB_DEFAULT=\"%s%s%s\"\n", adds, mode,
				  kernel->submenu, arrow, kernel->title);
	else
		length = asprintf(&text, "%s%s\"\n", adds, mode);
	if (length < 0)
		abort();
	return text;
}

static int refuse(const struct options *o, const char *todo)
{
	if (!exists(DEFAULTS))
		return fail("GRUB does not boot this kernel (no %s); %s",
			    below_root(DEFAULTS), todo);
	if (!*root && system("command -v update-grub > /dev/null"))
		return fail("no update-grub in PATH; install grub2-common, or %s", todo);
	if (!*root && !o->given['d'] && geteuid())
		return fail("only root can set up GRUB; use sudo, or --dry-run to see more");
	return 0;
}

/* NULL in @former: there is none */
static int read_former(char **former)
{
	const char *text = read_text(HVO_CFG);

	*former = text ? strdup(text) : NULL;
	if (*former || errno == ENOENT)
		return 0;
	return fail("%s: %s; nothing was changed", below_root(HVO_CFG), strerror(errno));
}

/* What a person has written is kept, under a name that GRUB does not read. */
static int keep_former(const char *former)
{
	if (!former || !strncmp(former, MARK, strlen(MARK)))
		return 0;
	printf("hvo.cfg was not written by hvoadm; it is kept as hvo.cfg.old\n");
	return write_file(HVO_CFG ".old", former);
}

static int put(const char *text)
{
	if (text)
		return write_file(HVO_CFG, text);
	return unlink(below_root(HVO_CFG)) ? errno : 0;
}

/* Replaces the file by @text, or removes it; as it was if GRUB does not take it. */
static int change(const struct options *o, const char *text, const char *former)
{
	int error;

	printf("%s%s %s\n%s", o->given['d'] ? "would " : "", text ? "write" : "remove",
	       below_root(HVO_CFG), text ? text : "");
	if (o->given['d'])
		return !printf("would run update-grub\n");
	mkdir(below_root(DEFAULTS ".d"), 0755);
	error = keep_former(former) ?: put(text);
	if (error)
		return fail("%s cannot be changed: %s; nothing was changed", below_root(HVO_CFG),
			    strerror(error));
	if (*root)
		return !printf("would run update-grub, but for --root\n");
	fflush(stdout);
	if (!system("update-grub"))
		return 0;
	return fail("update-grub failed, see above; hvo.cfg %s",
		    put(former) ? "could not be put back, look at it" : "is as it was before");
}

static void tell_next_boot(const char *mode, const struct entry *kernel)
{
	const char *words = read_text(DEFAULTS);

	if (*kernel->release)
		printf("At the next boot: Linux %s, mode %s.\n", kernel->release, mode);
	else
		printf("At the next boot: GRUB's default kernel, mode %s if it is of hvo-base.\n"
		       "No kernel is pinned: %s has none with +hvo in its name.\n"
		       "Install one, and run this again.\n", mode, below_root(GRUB_CFG));
	if (!strcmp(mode, "on"))
		printf("Pages are optimized when they enter the pool, at boot or later.\n");
	else
		printf("Only pages that hugepages= reserves on the command line are optimized;\n"
		       "then the memory map is sealed, and they stay in the pool.\n");
	if (!strcmp(mode, "boot") && words && !strstr(words, "hugepages="))
		printf("There is no hugepages= in " DEFAULTS ": without it nothing is saved.\n");
}

int cmd_enable(const struct options *o)
{
	char *text, *former, todo[96];
	struct entry kernel;
	int ret;

	snprintf(todo, sizeof(todo), "add " WORD "%s to its command line by hand", o->mode);
	if (refuse(o, todo) || read_former(&former))
		return 1;
	find_kernel(&kernel);
	text = config(o->mode, &kernel);
	ret = change(o, text, former);
	if (!ret)
		tell_next_boot(o->mode, &kernel);
	free(text);
	free(former);
	return ret;
}

int cmd_disable(const struct options *o)
{
	char *former;
	int ret;

	if (!exists(HVO_CFG))
		return !printf("Nothing to remove: there is no %s\n", below_root(HVO_CFG));
	if (refuse(o, "take " WORD " from its command line by hand") || read_former(&former))
		return 1;
	ret = change(o, NULL, former);
	if (!ret)
		printf("At the next boot: GRUB's default kernel, without " WORD "\n");
	free(former);
	return ret;
}
