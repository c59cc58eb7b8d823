// SPDX-License-Identifier: GPL-2.0-only
/* Seals the vmemmap, once the operator knows that it cannot be undone. */
#include <errno.h>
#include <string.h>
#include <unistd.h>
#include "hvoadm.h"

static const char meaning[] =
	"The seal cannot be undone before the next boot. From then on\n"
	"- no page is optimized or restored: optimized pages stay in the pool,\n"
	"  as surplus pages if it shrinks\n"
	"- memory with optimized pages cannot be taken offline\n"
	"- where no page was ever optimized, the memory map is mapped by 2 MiB again\n";

static bool confirmed(void)
{
	char answer[16];

	printf("Seal now? [y/N] ");
	fflush(stdout);
	return fgets(answer, sizeof(answer), stdin) &&
		(!strcmp(answer, "y\n") || !strcmp(answer, "yes\n"));
}

static int seal_now(struct machine *m)
{
	int error = write_knob(SEAL_SYSCTL, "1\n");

	if (error)
		return fail("%s cannot be written: %s; nothing is sealed", below_root(SEAL_SYSCTL),
			    strerror(error));
	if (!machine_read(m))
		return fail("%s; 1 was written to the seal, look at the kernel log", m->trouble);
	if (!m->sealed)
		return fail("the kernel took the seal, but is not sealed; look at its log");
	printf("Sealed. Mapped by 2 MiB again: %s of the memory map.\n", amount(m->collapsed_kb));
	return 0;
}

int cmd_seal(const struct options *o)
{
	struct machine m;

	if (!machine_read(&m))
		return fail("%s; " LOOK, m.trouble);
	if (!m.is_on)
		return fail("nothing to seal: Linux %s %s the feature; see hvoadm enable --help",
			    m.release, m.feature ? "was booted without" : "does not have");
	if (m.sealed) {
		printf("The memory map is sealed already.\n");
		return 0;
	}
	if (!*root && geteuid())
		return fail("only root can seal; use sudo");
	printf("%s", meaning);
	if (!o->given['y'] && !isatty(STDIN_FILENO))
		return fail("not sealed: without a terminal nobody can be asked; use --yes");
	if (!o->given['y'] && !confirmed())
		return fail("not sealed: the answer was not y; run this again to seal");
	return seal_now(&m);
}
