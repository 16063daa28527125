/* The version that every program of the project shows for --version. */
#pragma once

#define ORDERFLOW_VERSION "0.1.0"
