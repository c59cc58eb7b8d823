// SPDX-License-Identifier: GPL-2.0-only
/* Linux 6.12 has no cases of its own: every history is one of its layout. */
static void layout_cases(void)
{
}
