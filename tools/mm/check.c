// SPDX-License-Identifier: GPL-2.0-only
/* One line for a monitoring system: does the machine do what was asked of it? */
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "hvoadm.h"

#define CMDLINE	"/proc/cmdline"
#define BOOT_ID	"/proc/sys/kernel/random/boot_id"

enum level { OK, WARNING, CRITICAL, UNKNOWN };

struct verdict {
	enum level level;
	char *text;
	size_t length;
	FILE *out;	/* into the text */
};

/* The worst level counts, and all texts are told. */
static FILE *found(struct verdict *v, enum level how_bad)
{
	if (ftell(v->out))
		fprintf(v->out, "; ");
	if (how_bad > v->level)
		v->level = how_bad;
	return v->out;
}

/* As the kernel reads it: the first letters decide. */
static bool turns_on(const char *value)
{
	return (*value && strchr("yYtT1", *value)) || !strncmp(value, "boot", 4) ||
		(tolower((unsigned char)value[0]) == 'o' &&
		 tolower((unsigned char)value[1]) == 'n');
}

static bool is_comment(const char *text, const char *at)
{
	while (at > text && at[-1] != '\n')
		at--;
	return at[strspn(at, " \t")] == '#';
}

/* Of more than one word the last counts. */
static bool asks(const char *text)
{
	const char *at = text;
	bool on = false;

	while ((at = strstr(at, WORD))) {
		bool is_word = at == text || strchr(" \t\n\"'", at[-1]);

		if (is_word && !is_comment(text, at))
			on = turns_on(at + strlen(WORD));
		at += strlen(WORD);
	}
	return on;
}

/* Whether the file asks for the feature */
static bool file_asks(const char *path, struct verdict *v)
{
	const char *text = read_text(path);

	if (!text)
		fprintf(found(v, UNKNOWN), "%s: %s", below_root(path), strerror(errno));
	return text && asks(text);
}

/* Which file asks for it, or NULL. That of GRUB need not exist. */
static const char *who_asks(struct verdict *v)
{
	if (exists(HVO_CFG) && file_asks(HVO_CFG, v))
		return HVO_CFG;
	return file_asks(CMDLINE, v) ? CMDLINE : NULL;
}

/*
 * The state is one line: which boot, and its failures at the last check. Those of another
 * boot do not count, nor do those of a counter that began anew.
 */
static void judge_failures(uint64_t failures, const char *state, struct verdict *v)
{
	char line[64] = "", *former = read_text(BOOT_ID);
	uint64_t told;
	size_t length;
	int error;

	snprintf(line, sizeof(line), "%.36s ", former && *former ? former : "-");
	length = strlen(line);
	former = read_text(state);
	if (!former || strncmp(former, line, length) || !parse_number(former + length, &told) ||
	    told > failures)
		told = 0;
	if (failures == told)
		return;
	fprintf(found(v, CRITICAL), "%" PRIu64 " new restore failures: free memory, shrink again",
		failures - told);
	snprintf(line + length, sizeof(line) - length, "%" PRIu64 "\n", failures);
	error = write_file(state, line);
	if (error)
		fprintf(found(v, CRITICAL), "%s cannot be written: %s", state, strerror(error));
}

static void judge(const struct machine *m, const char *asking, const char *state,
		  struct verdict *v)
{
	if (!m->feature && asking)
		fprintf(found(v, CRITICAL), "%s asks for the feature, but Linux %s has none",
			asking, m->release);
	else if (!m->feature)
		fprintf(found(v, UNKNOWN), "no kernel of hvo-base, and nothing asks for it");
	else if (!m->is_on && asking)
		fprintf(found(v, CRITICAL), "%s asks for the feature, but it is off", asking);
	else
		judge_failures(m->restore_failures, state, v);
	if (m->reserve_used)
		fprintf(found(v, WARNING), "the reserve was used, keep more memory free");
	if (!strcmp(m->mode, "on") && m->optimizing && m->saved_kb < m->expected_kb)
		fprintf(found(v, WARNING), "not all pages are optimized, they save %" PRIu64
			" KiB of %" PRIu64, m->saved_kb, m->expected_kb);
}

static void tell(const struct machine *m, const struct verdict *v)
{
	static const char * const names[] = { "OK", "WARNING", "CRITICAL", "UNKNOWN" };

	printf("HVO %s - ", names[v->level]);
	if (*v->text)
		printf("%s", v->text);
	else
		printf("mode %s%s, %s saved", m->mode, m->sealed ? ", sealed" : "",
		       amount(m->saved_kb));
	if (m->feature && v->level != UNKNOWN)
		printf(" | saved=%" PRIu64 "KB expected=%" PRIu64 "KB reserve_used=%" PRIu64
		       "c restore_failures=%" PRIu64 "c", m->saved_kb, m->expected_kb,
		       m->reserve_used, m->restore_failures);
	printf("\n");
}

int cmd_check(const struct options *o)
{
	struct verdict v = {};
	const char *asking;
	struct machine m;

	v.out = open_memstream(&v.text, &v.length);
	if (!v.out)
		abort();
	if (!machine_read(&m))
		fprintf(found(&v, UNKNOWN), "%s", m.trouble);
	asking = v.level ? NULL : who_asks(&v);
	if (!v.level)
		judge(&m, asking, o->given['s'] ?: "/run/hvoadm.check", &v);
	fclose(v.out);
	tell(&m, &v);
	free(v.text);
	return v.level;
}
