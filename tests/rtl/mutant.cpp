/* mutant: which fault of build/mutate/card.v is switched on: MUTANT of the environment, 0 is none.
 */
#include <cstdlib>

extern "C" int mutant() {
    const char *text = std::getenv("MUTANT");
    return text ? std::atoi(text) : 0;
}
