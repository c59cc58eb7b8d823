// SPDX-License-Identifier: GPL-2.0-only
/* hvoadm: plans, turns on and watches the HugeTLB vmemmap optimization of hvo-base. */
#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "hvoadm.h"

struct command {
	const char *name, *options, *synopsis;
	int (*run)(const struct options *o);
	const char *help;
};

static const struct command commands[] = {
	{ "estimate", "p", "[--pages 2M:N] [--pages 1G:N]", cmd_estimate,
	  "Says what this machine would save, with its pools as they are or as planned.\n"
	  "It works on any kernel.\n" },
	{ "status", "j", "[--json]", cmd_status,
	  "Shows what the kernel that runs has saved. Fails if it is none of hvo-base.\n" },
	{ "check", "s", "[--state FILE]", cmd_check,
	  "Prints one line for a monitoring system, and exits with 0 (OK), 1 (WARNING),\n"
	  "2 (CRITICAL) or 3 (UNKNOWN). FILE keeps the restore failures that were told.\n" },
	{ "prometheus", "t", "[--textfile FILE]", cmd_prometheus,
	  "Prints metrics for node_exporter, or replaces FILE by them.\n" },
	{ "enable", "d", "on|boot [--dry-run]", cmd_enable,
	  "Writes /etc/default/grub.d/hvo.cfg: the next boot is that of the newest kernel\n"
	  "of hvo-base, with the feature on. on: pages are optimized when they enter the\n"
	  "pool. boot: only those that hugepages= reserves are, and then it is sealed.\n" },
	{ "disable", "d", "[--dry-run]", cmd_disable,
	  "Removes /etc/default/grub.d/hvo.cfg: the next boot is that of GRUB's default.\n" },
	{ "seal", "y", "[--yes]", cmd_seal,
	  "Seals the memory map until the next boot. Asks first, but for --yes.\n" },
};

#define NR_COMMANDS (sizeof(commands) / sizeof(commands[0]))

static const struct option long_options[] = {
	{ "help", no_argument, NULL, 'h' },
	{ "version", no_argument, NULL, 'V' },
	{ "root", required_argument, NULL, 'r' },
	{ "pages", required_argument, NULL, 'p' },
	{ "json", no_argument, NULL, 'j' },
	{ "state", required_argument, NULL, 's' },
	{ "textfile", required_argument, NULL, 't' },
	{ "dry-run", no_argument, NULL, 'd' },
	{ "yes", no_argument, NULL, 'y' },
	{ }
};

/* Only a terminal gets colours. */
const char *colour(const char *code, int fd)
{
	return isatty(fd) && !getenv("NO_COLOR") ? code : "";
}

/* Until the next call */
const char *amount(int64_t kb)
{
	static char text[32];

	if (llabs(kb) < 1024)
		snprintf(text, sizeof(text), "%" PRId64 " KiB", kb);
	else if (llabs(kb) < 1024 * 1024)
		snprintf(text, sizeof(text), "%.1f MiB", kb / 1024.0);
	else
		snprintf(text, sizeof(text), "%.1f GiB", kb / (1024.0 * 1024));
	return text;
}

static int print_help(const struct command *command)
{
	size_t i;

	if (command) {
		printf("usage: hvoadm %s %s\n%s", command->name, command->synopsis, command->help);
		return 0;
	}
	printf("usage: hvoadm COMMAND [OPTION]...\n");
	for (i = 0; i < NR_COMMANDS; i++)
		printf("  hvoadm %s %s\n", commands[i].name, commands[i].synopsis);
	printf("All know --help, --version, and --root DIR, which all files are below then.\n"
	       "hvoadm(8) tells more.\n");
	return 0;
}

static const struct command *command_of(const char *name)
{
	size_t i;

	for (i = 0; name && i < NR_COMMANDS; i++)
		if (!strcmp(name, commands[i].name))
			return &commands[i];
	return NULL;
}

/* All of the line, before anything is judged; returns what is no option of any command. */
static const char *read_options(int argc, char **argv, struct options *o)
{
	const char *bad = NULL;
	int option;

	opterr = 0;
	while ((option = getopt_long(argc, argv, "", long_options, NULL)) != -1) {
		if (option == '?' && !bad)
			bad = argv[optind - (*argv[optind - 1] == '-')];
		o->given[option] = optarg ? optarg : "";
		if (option == 'p' && o->plans++ < NR_POOLS)
			o->plan[o->plans - 1] = optarg;
	}
	root = o->given['r'] ?: "";
	return bad;
}

/* An option of another command, or NULL */
static const char *foreign_option(const struct command *command, const struct options *o)
{
	const struct option *option;

	for (option = long_options; option->name; option++)
		if (o->given[option->val] && !strchr("hVr", option->val) &&
		    !strchr(command->options, option->val))
			return option->name;
	return NULL;
}

static int check_words(const struct command *command, const struct options *o, char **words)
{
	bool enable = command->run == cmd_enable;
	const char *foreign = foreign_option(command, o);

	if (foreign)
		return fail("--%s is no option of %s; see hvoadm %s --help", foreign,
			    command->name, command->name);
	if (enable && (!o->mode || (strcmp(o->mode, "on") && strcmp(o->mode, "boot"))))
		return fail("enable needs a mode; use hvoadm enable on, or hvoadm enable boot");
	if (words[0] && words[enable])
		return fail("%s is one word too many; see hvoadm %s --help", words[enable],
			    command->name);
	return 0;
}

/* The exit status, or -1 if the line is wrong */
static int run(const struct command *command, const struct options *o, const char *bad,
	       char **words)
{
	if (bad)
		return -fail("%s is unknown or has no value; see hvoadm --help", bad);
	if (o->given['V'])
		return !printf("hvoadm " VERSION "\n");
	if (!command && (*words || !o->given['h']))
		return -fail("%s is no command; see hvoadm --help", *words ?: "nothing");
	if (o->given['h'])
		return print_help(command);
	return check_words(command, o, words + 1) ? -1 : command->run(o);
}

int main(int argc, char **argv)
{
	struct options o = {};
	const char *bad = read_options(argc, argv, &o);
	const struct command *command = command_of(argv[optind]);
	bool monitored = command && command->run == cmd_check;
	int status;

	o.mode = command ? argv[optind + 1] : NULL;
	status = run(command, &o, bad, argv + optind);
	if (status < 0)
		return monitored ? 3 : 2;
	/* What could not be printed was not told. */
	if (!fflush(stdout) && !ferror(stdout))
		return status;
	status = fail("what it says cannot be written: %s; is the disk full?", strerror(errno));
	return monitored ? 3 : status;
}
