// Another SRTP, for tests only: what ours is compared with.
#pragma once
#include <srtp2/srtp.h>
