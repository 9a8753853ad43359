/* SPDX-License-Identifier: Apache-2.0
 *
 * What a process has run is written by exit(); processes of ours that were forked end by _exit(). Linked with
 * --wrap=_exit where coverage is measured.
 */
#include <gcov.h>

void __wrap__exit(int status) __attribute__((noreturn));
void __real__exit(int status) __attribute__((noreturn));

void __wrap__exit(int status)
{
	__gcov_dump();
	__real__exit(status);
}
