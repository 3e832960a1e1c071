internal import AuraHost
internal import AuraStream

/// The configuration of a private sound server: files in its own directory, and the variables
/// that keep everybody else's configuration out.
struct PrivateSoundFiles {
  let directory: String

  var nativeSocket: String { "\(directory)/pipewire-0" }
  var pulseSocket: String { "\(directory)/pulse/native" }
  var coreConfiguration: String { "\(directory)/config/core.conf" }
  var pulseConfiguration: String { "\(directory)/config/pulse.conf" }

  /// Where a program's own words go.
  func log(of program: String) -> String { "\(directory)/log/\(program)" }

  /// Writes everything.
  ///
  /// - Returns: whether all is there.
  func write() -> Bool {
    let folders = [
      "pulse", "log", "config", "config/wireplumber", "config/wireplumber/main.lua.d",
      "config/wireplumber/bluetooth.lua.d", "config/wireplumber/wireplumber.conf.d", "state",
      "cache", "data",
    ]
    let files = [
      (coreConfiguration, Self.core), (pulseConfiguration, pulse),
      ("\(directory)/config/wireplumber/main.lua.d/60-auralync.lua", Self.policy),
      (
        "\(directory)/config/wireplumber/bluetooth.lua.d/60-auralync.lua",
        "bluez_monitor.enabled = false\n"
      ),
      (
        "\(directory)/config/wireplumber/wireplumber.conf.d/60-auralync.conf", Self.newerPolicy
      ),
    ]
    return folders.allSatisfy { HostFiles.makeDirectory("\(directory)/\($0)") }
      && files.allSatisfy { HostFiles.write($0.1, to: $0.0) }
  }

  /// The environment of the three programs, made of ours.
  func serverEnvironment(from base: [String: String]) -> [String: String] {
    let foreign = ["PIPEWIRE_", "PULSE_", "WIREPLUMBER_", "LISTEN_", "NOTIFY_SOCKET"]
    // Where an unusual installation keeps its parts.
    let kept = ["PIPEWIRE_MODULE_DIR", "WIREPLUMBER_MODULE_DIR", "WIREPLUMBER_DATA_DIR"]
    var environment = base.filter { entry in
      kept.contains(entry.key) || !foreign.contains { entry.key.hasPrefix($0) }
    }
    environment["XDG_RUNTIME_DIR"] = directory
    environment["PIPEWIRE_RUNTIME_DIR"] = directory
    environment["PULSE_RUNTIME_PATH"] = "\(directory)/pulse"
    environment["XDG_CONFIG_HOME"] = "\(directory)/config"
    environment["XDG_STATE_HOME"] = "\(directory)/state"
    environment["XDG_CACHE_HOME"] = "\(directory)/cache"
    environment["XDG_DATA_HOME"] = "\(directory)/data"
    // Only errors: what is written stays in memory until the end.
    environment["PIPEWIRE_DEBUG"] = "1"
    environment["WIREPLUMBER_DEBUG"] = "1"
    environment["DBUS_SESSION_BUS_ADDRESS"] = "disabled:"
    return environment
  }

  /// The output follows a driver that it is not itself: the monitor of a driving sink comes one
  /// quantum late. The stock rules for virtual machines, which raise the smallest quantum to 1024
  /// frames, are left out on purpose.
  private static let core = """
    context.properties = {
      core.daemon = true
      core.name = pipewire-0
      support.dbus = false
      link.max-buffers = 16
      default.clock.rate = \(MediaTime.rate)
      default.clock.allowed-rates = [ \(MediaTime.rate) ]
      default.clock.quantum = 1024
      default.clock.min-quantum = 32
      default.clock.max-quantum = 2048
      mem.warn-mlock = false
    }
    context.spa-libs = {
      audio.convert.* = audioconvert/libspa-audioconvert
      support.* = support/libspa-support
    }
    context.modules = [
      { name = libpipewire-module-rt args = { nice.level = -11 } flags = [ ifexists nofail ] }
      { name = libpipewire-module-protocol-native }
      { name = libpipewire-module-profiler flags = [ ifexists nofail ] }
      { name = libpipewire-module-metadata }
      { name = libpipewire-module-spa-node-factory }
      { name = libpipewire-module-client-node }
      { name = libpipewire-module-access flags = [ ifexists nofail ] }
      { name = libpipewire-module-adapter }
      { name = libpipewire-module-link-factory }
      { name = libpipewire-module-session-manager flags = [ ifexists nofail ] }
    ]
    context.objects = [
      { factory = spa-node-factory args = {
          factory.name = support.node.driver node.name = auralync-clock
          node.group = auralync priority.driver = 50000 } }
      { factory = adapter args = {
          factory.name = support.null-audio-sink node.name = \(PrivateSoundServer.sinkName)
          node.description = "AuraLync" media.class = "Audio/Sink"
          audio.rate = \(MediaTime.rate) audio.position = [ FL FR ]
          monitor.channel-volumes = false node.group = auralync priority.session = 2000
          session.suspend-timeout-seconds = 0 } }
    ]

    """

  private var pulse: String {
    """
    context.properties = { support.dbus = false }
    context.spa-libs = {
      audio.convert.* = audioconvert/libspa-audioconvert
      support.* = support/libspa-support
    }
    context.modules = [
      { name = libpipewire-module-rt args = { nice.level = -11 } flags = [ ifexists nofail ] }
      { name = libpipewire-module-protocol-native }
      { name = libpipewire-module-client-node }
      { name = libpipewire-module-adapter }
      { name = libpipewire-module-metadata }
      { name = libpipewire-module-protocol-pulse args = { } }
    ]
    pulse.properties = {
      server.address = [ "unix:\(pulseSocket)" ]
      pulse.min.req = 64/\(MediaTime.rate)
      pulse.min.frag = 64/\(MediaTime.rate)
      pulse.min.quantum = 64/\(MediaTime.rate)
    }

    """
  }

  /// WirePlumber 0.4: it links players to the output, and looks for no hardware.
  private static let policy = """
    alsa_monitor.enabled = false
    v4l2_monitor.enabled = false
    libcamera_monitor.enabled = false
    default_access.properties["enable-flatpak-portal"] = false
    device_defaults.properties["use-persistent-storage"] = false
    stream_defaults.enabled = false

    """

  /// WirePlumber 0.5: the same.
  private static let newerPolicy = """
    wireplumber.profiles = {
      main = {
        hardware.audio = disabled
        hardware.bluetooth = disabled
        hardware.video-capture = disabled
      }
    }

    """
}
