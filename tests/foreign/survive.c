// SPDX-License-Identifier: GPL-2.0-only
/*
 * Preloaded into a test, lets it live on when MADV_HWPOISON sends it SIGBUS: the
 * kernel has done that since the test was written, before it reads anything.
 */
#include <signal.h>

static void nothing(int sig)
{
	(void)sig;
}

__attribute__((constructor)) static void survive(void)
{
	signal(SIGBUS, nothing);
}
