/* Stands in for libre's function of this name: no address is a loopback address. Only for machines
 * that have no other addresses. */
#include <stdbool.h>

struct sa;

bool sa_is_loopback(const struct sa *sa);

bool sa_is_loopback(const struct sa *sa)
{
	(void)sa;
	return false;
}
