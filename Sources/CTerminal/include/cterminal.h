#ifndef VISE_CTERMINAL_H
#define VISE_CTERMINAL_H
#include <stdint.h>
#endif
