import ArgumentParser
import TOMLKit
import Logging
@main struct A: ParsableCommand {}
