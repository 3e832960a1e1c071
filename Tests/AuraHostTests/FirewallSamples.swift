/// What real tools printed for real rules; each was also tried with connections through a kernel
/// that had them, from 10.9.0.2 to 10.9.0.1 on veth0.
enum FirewallSamples {
  /// The common example of a workstation: policy drop, SSH allowed, the rest rejected at a rate.
  static let workstation = #"""
    {"nftables": [
      {"metainfo": {"version": "1.0.6", "release_name": "Lester Gooch #5", "json_schema_version": 1}},
      {"table": {"family": "inet", "name": "filter", "handle": 1}},
      {"chain": {"family": "inet", "table": "filter", "name": "input", "handle": 1, "type": "filter", "hook": "input", "prio": 0, "policy": "drop"}},
      {"rule": {"family": "inet", "table": "filter", "chain": "input", "handle": 2, "comment": "early drop of invalid connections", "expr": [{"match": {"op": "in", "left": {"ct": {"key": "state"}}, "right": "invalid"}}, {"drop": null}]}},
      {"rule": {"family": "inet", "table": "filter", "chain": "input", "handle": 4, "comment": "allow tracked connections", "expr": [{"match": {"op": "==", "left": {"ct": {"key": "state"}}, "right": {"set": ["established", "related"]}}}, {"accept": null}]}},
      {"rule": {"family": "inet", "table": "filter", "chain": "input", "handle": 5, "comment": "allow from loopback", "expr": [{"match": {"op": "==", "left": {"meta": {"key": "iif"}}, "right": "lo"}}, {"accept": null}]}},
      {"rule": {"family": "inet", "table": "filter", "chain": "input", "handle": 6, "comment": "allow icmp", "expr": [{"match": {"op": "==", "left": {"payload": {"protocol": "ip", "field": "protocol"}}, "right": "icmp"}}, {"accept": null}]}},
      {"rule": {"family": "inet", "table": "filter", "chain": "input", "handle": 7, "comment": "allow icmp v6", "expr": [{"match": {"op": "==", "left": {"meta": {"key": "l4proto"}}, "right": "ipv6-icmp"}}, {"accept": null}]}},
      {"rule": {"family": "inet", "table": "filter", "chain": "input", "handle": 8, "comment": "allow sshd", "expr": [{"match": {"op": "==", "left": {"payload": {"protocol": "tcp", "field": "dport"}}, "right": 22}}, {"accept": null}]}},
      {"rule": {"family": "inet", "table": "filter", "chain": "input", "handle": 9, "expr": [{"match": {"op": "==", "left": {"meta": {"key": "pkttype"}}, "right": "host"}}, {"limit": {"rate": 5, "burst": 5, "per": "second"}}, {"counter": {"packets": 0, "bytes": 0}}, {"reject": {"type": "icmpx", "expr": "admin-prohibited"}}]}},
      {"rule": {"family": "inet", "table": "filter", "chain": "input", "handle": 10, "expr": [{"counter": {"packets": 0, "bytes": 0}}]}}
    ]}
    """#

  /// Verdict maps, a named set, a user's chain, a terminal reject.
  static let maps = #"""
    {"nftables": [
      {"metainfo": {"version": "1.0.6", "release_name": "Lester Gooch #5", "json_schema_version": 1}},
      {"table": {"family": "inet", "name": "t", "handle": 1}},
      {"set": {"family": "inet", "name": "allowed", "table": "t", "type": "inet_service", "handle": 3, "flags": ["interval"], "elem": [22, {"range": [7000, 7100]}]}},
      {"chain": {"family": "inet", "table": "t", "name": "local", "handle": 1}},
      {"chain": {"family": "inet", "table": "t", "name": "in", "handle": 2, "type": "filter", "hook": "input", "prio": 0, "policy": "accept"}},
      {"rule": {"family": "inet", "table": "t", "chain": "local", "handle": 4, "expr": [{"match": {"op": "==", "left": {"payload": {"protocol": "tcp", "field": "dport"}}, "right": "@allowed"}}, {"accept": null}]}},
      {"rule": {"family": "inet", "table": "t", "chain": "local", "handle": 5, "expr": [{"match": {"op": "==", "left": {"payload": {"protocol": "ip", "field": "saddr"}}, "right": {"prefix": {"addr": "10.9.0.0", "len": 24}}}}, {"match": {"op": "==", "left": {"payload": {"protocol": "tcp", "field": "dport"}}, "right": 7777}}, {"accept": null}]}},
      {"rule": {"family": "inet", "table": "t", "chain": "local", "handle": 6, "expr": [{"match": {"op": "==", "left": {"payload": {"protocol": "ip", "field": "saddr"}}, "right": {"prefix": {"addr": "10.77.0.0", "len": 24}}}}, {"match": {"op": "==", "left": {"payload": {"protocol": "tcp", "field": "dport"}}, "right": 7778}}, {"accept": null}]}},
      {"rule": {"family": "inet", "table": "t", "chain": "in", "handle": 8, "expr": [{"vmap": {"key": {"ct": {"key": "state"}}, "data": {"set": [["invalid", {"drop": null}], ["established", {"accept": null}], ["related", {"accept": null}]]}}}]}},
      {"rule": {"family": "inet", "table": "t", "chain": "in", "handle": 10, "expr": [{"vmap": {"key": {"meta": {"key": "iifname"}}, "data": {"set": [["lo", {"accept": null}], ["veth0", {"jump": {"target": "local"}}]]}}}]}},
      {"rule": {"family": "inet", "table": "t", "chain": "in", "handle": 11, "expr": [{"match": {"op": "!=", "left": {"payload": {"protocol": "udp", "field": "dport"}}, "right": 53}}, {"accept": null}]}},
      {"rule": {"family": "inet", "table": "t", "chain": "in", "handle": 13, "expr": [{"match": {"op": "==", "left": {"fib": {"result": "type", "flags": ["daddr"]}}, "right": {"set": ["broadcast", "multicast"]}}}, {"accept": null}]}},
      {"rule": {"family": "inet", "table": "t", "chain": "in", "handle": 15, "expr": [{"match": {"op": "==", "left": {"payload": {"protocol": "tcp", "field": "dport"}}, "right": {"set": [{"range": [8000, 8010]}, 9000]}}}, {"accept": null}]}},
      {"rule": {"family": "inet", "table": "t", "chain": "in", "handle": 16, "expr": [{"match": {"op": ">", "left": {"payload": {"protocol": "tcp", "field": "dport"}}, "right": 60000}}, {"accept": null}]}},
      {"rule": {"family": "inet", "table": "t", "chain": "in", "handle": 17, "expr": [{"match": {"op": "==", "left": {"meta": {"key": "l4proto"}}, "right": "tcp"}}, {"reject": {"type": "tcp reset"}}]}}
    ]}
    """#

  /// Two tables with a say each: families, ranges, goto, return, negation, a concatenation.
  static let twoTables = #"""
    {"nftables": [
      {"metainfo": {"version": "1.0.6", "release_name": "Lester Gooch #5", "json_schema_version": 1}},
      {"table": {"family": "ip", "name": "a", "handle": 1}},
      {"chain": {"family": "ip", "table": "a", "name": "i", "handle": 1, "type": "filter", "hook": "input", "prio": 0, "policy": "accept"}},
      {"rule": {"family": "ip", "table": "a", "chain": "i", "handle": 2, "expr": [{"match": {"op": "==", "left": {"payload": {"protocol": "tcp", "field": "dport"}}, "right": 6000}}, {"drop": null}]}},
      {"rule": {"family": "ip", "table": "a", "chain": "i", "handle": 3, "expr": [{"match": {"op": "==", "left": {"payload": {"protocol": "tcp", "field": "dport"}}, "right": 6001}}, {"accept": null}]}},
      {"table": {"family": "inet", "name": "b", "handle": 2}},
      {"chain": {"family": "inet", "table": "b", "name": "i", "handle": 1, "type": "filter", "hook": "input", "prio": 10, "policy": "drop"}},
      {"chain": {"family": "inet", "table": "b", "name": "more", "handle": 2}},
      {"rule": {"family": "inet", "table": "b", "chain": "i", "handle": 3, "expr": [{"match": {"op": "==", "left": {"meta": {"key": "iifname"}}, "right": "lo"}}, {"accept": null}]}},
      {"rule": {"family": "inet", "table": "b", "chain": "i", "handle": 4, "expr": [{"match": {"op": "==", "left": {"payload": {"protocol": "tcp", "field": "dport"}}, "right": {"range": [6000, 6005]}}}, {"accept": null}]}},
      {"rule": {"family": "inet", "table": "b", "chain": "i", "handle": 5, "expr": [{"match": {"op": "==", "left": {"payload": {"protocol": "ip", "field": "daddr"}}, "right": "10.9.0.1"}}, {"match": {"op": "==", "left": {"payload": {"protocol": "tcp", "field": "dport"}}, "right": 6006}}, {"accept": null}]}},
      {"rule": {"family": "inet", "table": "b", "chain": "i", "handle": 6, "expr": [{"match": {"op": "==", "left": {"meta": {"key": "nfproto"}}, "right": "ipv6"}}, {"accept": null}]}},
      {"rule": {"family": "inet", "table": "b", "chain": "i", "handle": 7, "expr": [{"match": {"op": "==", "left": {"payload": {"protocol": "ip", "field": "saddr"}}, "right": "10.9.0.2"}}, {"match": {"op": "==", "left": {"payload": {"protocol": "tcp", "field": "dport"}}, "right": 6007}}, {"accept": null}]}},
      {"rule": {"family": "inet", "table": "b", "chain": "i", "handle": 8, "expr": [{"match": {"op": "==", "left": {"payload": {"protocol": "tcp", "field": "dport"}}, "right": 6009}}, {"accept": null}]}},
      {"rule": {"family": "inet", "table": "b", "chain": "i", "handle": 10, "expr": [{"match": {"op": "==", "left": {"payload": {"protocol": "ip", "field": "protocol"}}, "right": "tcp"}}, {"match": {"op": "==", "left": {"payload": {"protocol": "tcp", "field": "dport"}}, "right": {"set": [6010, 6011]}}}, {"counter": {"packets": 0, "bytes": 0}}, {"accept": null}]}},
      {"rule": {"family": "inet", "table": "b", "chain": "i", "handle": 12, "expr": [{"match": {"op": "==", "left": {"payload": {"protocol": "ip", "field": "saddr"}}, "right": {"set": [{"prefix": {"addr": "10.9.0.0", "len": 24}}, {"prefix": {"addr": "192.168.0.0", "len": 16}}]}}}, {"match": {"op": "==", "left": {"payload": {"protocol": "tcp", "field": "dport"}}, "right": 6012}}, {"log": {"prefix": "x"}}, {"accept": null}]}},
      {"rule": {"family": "inet", "table": "b", "chain": "i", "handle": 14, "expr": [{"match": {"op": "==", "left": {"concat": [{"meta": {"key": "l4proto"}}, {"payload": {"protocol": "th", "field": "dport"}}]}, "right": {"set": [{"concat": ["tcp", 6013]}]}}}, {"accept": null}]}},
      {"rule": {"family": "inet", "table": "b", "chain": "i", "handle": 15, "expr": [{"match": {"op": "==", "left": {"meta": {"key": "iifname"}}, "right": "ve*"}}, {"match": {"op": "==", "left": {"payload": {"protocol": "tcp", "field": "dport"}}, "right": 6014}}, {"accept": null}]}},
      {"rule": {"family": "inet", "table": "b", "chain": "i", "handle": 16, "expr": [{"match": {"op": "==", "left": {"payload": {"protocol": "tcp", "field": "dport"}}, "right": 6015}}, {"goto": {"target": "more"}}]}},
      {"rule": {"family": "inet", "table": "b", "chain": "i", "handle": 17, "expr": [{"match": {"op": "==", "left": {"payload": {"protocol": "tcp", "field": "dport"}}, "right": 6016}}, {"jump": {"target": "more"}}]}},
      {"rule": {"family": "inet", "table": "b", "chain": "i", "handle": 18, "expr": [{"match": {"op": "==", "left": {"payload": {"protocol": "tcp", "field": "dport"}}, "right": 6016}}, {"accept": null}]}},
      {"rule": {"family": "inet", "table": "b", "chain": "i", "handle": 19, "expr": [{"match": {"op": "==", "left": {"payload": {"protocol": "tcp", "field": "dport"}}, "right": 6017}}, {"mangle": {"key": {"meta": {"key": "mark"}}, "value": 3}}, {"return": null}]}},
      {"rule": {"family": "inet", "table": "b", "chain": "i", "handle": 20, "expr": [{"match": {"op": "==", "left": {"payload": {"protocol": "tcp", "field": "dport"}}, "right": 6017}}, {"accept": null}]}},
      {"rule": {"family": "inet", "table": "b", "chain": "i", "handle": 21, "expr": [{"match": {"op": "!=", "left": {"payload": {"protocol": "tcp", "field": "dport"}}, "right": {"range": [6018, 65535]}}}, {"match": {"op": "==", "left": {"payload": {"protocol": "tcp", "field": "dport"}}, "right": {"range": [1, 65535]}}}, {"drop": null}]}},
      {"rule": {"family": "inet", "table": "b", "chain": "i", "handle": 22, "expr": [{"match": {"op": "==", "left": {"payload": {"protocol": "tcp", "field": "dport"}}, "right": 6018}}, {"accept": null}]}},
      {"rule": {"family": "inet", "table": "b", "chain": "more", "handle": 23, "expr": [{"match": {"op": "in", "left": {"payload": {"protocol": "tcp", "field": "flags"}}, "right": "syn"}}, {"counter": {"packets": 0, "bytes": 0}}]}},
      {"rule": {"family": "inet", "table": "b", "chain": "more", "handle": 24, "expr": [{"match": {"op": "==", "left": {"meta": {"key": "pkttype"}}, "right": "broadcast"}}, {"accept": null}]}},
      {"rule": {"family": "inet", "table": "b", "chain": "more", "handle": 25, "expr": [{"return": null}]}},
      {"rule": {"family": "inet", "table": "b", "chain": "more", "handle": 26, "expr": [{"accept": null}]}}
    ]}
    """#

  /// iptables-save of ufw that allows 22, 8000:8010, 9000 from 10.0.0.0/8 and limits 2222.
  static let ufw = #"""
    *filter
    :INPUT DROP [0:0]
    :ufw-after-input - [0:0]
    :ufw-after-logging-input - [0:0]
    :ufw-before-input - [0:0]
    :ufw-before-logging-input - [0:0]
    :ufw-logging-allow - [0:0]
    :ufw-logging-deny - [0:0]
    :ufw-not-local - [0:0]
    :ufw-reject-input - [0:0]
    :ufw-skip-to-policy-input - [0:0]
    :ufw-track-input - [0:0]
    :ufw-user-input - [0:0]
    :ufw-user-limit - [0:0]
    :ufw-user-limit-accept - [0:0]
    :ufw-user-logging-input - [0:0]
    -A INPUT -j ufw-before-logging-input
    -A INPUT -j ufw-before-input
    -A INPUT -j ufw-after-input
    -A INPUT -j ufw-after-logging-input
    -A INPUT -j ufw-reject-input
    -A INPUT -j ufw-track-input
    -A ufw-after-input -p udp -m udp --dport 137 -j ufw-skip-to-policy-input
    -A ufw-after-input -p udp -m udp --dport 138 -j ufw-skip-to-policy-input
    -A ufw-after-input -p tcp -m tcp --dport 139 -j ufw-skip-to-policy-input
    -A ufw-after-input -p tcp -m tcp --dport 445 -j ufw-skip-to-policy-input
    -A ufw-after-input -p udp -m udp --dport 67 -j ufw-skip-to-policy-input
    -A ufw-after-input -p udp -m udp --dport 68 -j ufw-skip-to-policy-input
    -A ufw-after-input -m addrtype --dst-type BROADCAST -j ufw-skip-to-policy-input
    -A ufw-after-logging-input -m limit --limit 3/min --limit-burst 10 -j LOG --log-prefix "[UFW BLOCK] "
    -A ufw-before-input -i lo -j ACCEPT
    -A ufw-before-input -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
    -A ufw-before-input -m conntrack --ctstate INVALID -j ufw-logging-deny
    -A ufw-before-input -m conntrack --ctstate INVALID -j DROP
    -A ufw-before-input -p icmp -m icmp --icmp-type 3 -j ACCEPT
    -A ufw-before-input -p icmp -m icmp --icmp-type 11 -j ACCEPT
    -A ufw-before-input -p icmp -m icmp --icmp-type 12 -j ACCEPT
    -A ufw-before-input -p icmp -m icmp --icmp-type 8 -j ACCEPT
    -A ufw-before-input -p udp -m udp --sport 67 --dport 68 -j ACCEPT
    -A ufw-before-input -j ufw-not-local
    -A ufw-before-input -d 224.0.0.251/32 -p udp -m udp --dport 5353 -j ACCEPT
    -A ufw-before-input -d 239.255.255.250/32 -p udp -m udp --dport 1900 -j ACCEPT
    -A ufw-before-input -j ufw-user-input
    -A ufw-logging-allow -m limit --limit 3/min --limit-burst 10 -j LOG --log-prefix "[UFW ALLOW] "
    -A ufw-logging-deny -m conntrack --ctstate INVALID -m limit --limit 3/min --limit-burst 10 -j RETURN
    -A ufw-logging-deny -m limit --limit 3/min --limit-burst 10 -j LOG --log-prefix "[UFW BLOCK] "
    -A ufw-not-local -m addrtype --dst-type LOCAL -j RETURN
    -A ufw-not-local -m addrtype --dst-type MULTICAST -j RETURN
    -A ufw-not-local -m addrtype --dst-type BROADCAST -j RETURN
    -A ufw-not-local -m limit --limit 3/min --limit-burst 10 -j ufw-logging-deny
    -A ufw-not-local -j DROP
    -A ufw-skip-to-policy-input -j DROP
    -A ufw-user-input -p tcp -m tcp --dport 22 -j ACCEPT
    -A ufw-user-input -p tcp -m multiport --dports 8000:8010 -j ACCEPT
    -A ufw-user-input -s 10.0.0.0/8 -p tcp -m tcp --dport 9000 -j ACCEPT
    -A ufw-user-input -p tcp -m tcp --dport 2222 -m conntrack --ctstate NEW -m recent --set --name DEFAULT --mask 255.255.255.255 --rsource
    -A ufw-user-input -p tcp -m tcp --dport 2222 -m conntrack --ctstate NEW -m recent --update --seconds 30 --hitcount 6 --name DEFAULT --mask 255.255.255.255 --rsource -j ufw-user-limit
    -A ufw-user-input -p tcp -m tcp --dport 2222 -j ufw-user-limit-accept
    -A ufw-user-limit -m limit --limit 3/min -j LOG --log-prefix "[UFW LIMIT BLOCK] "
    -A ufw-user-limit -j REJECT --reject-with icmp-port-unreachable
    -A ufw-user-limit-accept -j ACCEPT
    COMMIT
    """#

  /// The same settings in ufw's own user.rules.
  static let ufwUserRules = #"""
    *filter
    :ufw-user-input - [0:0]
    :ufw-before-logging-input - [0:0]
    :ufw-user-logging-input - [0:0]
    :ufw-after-logging-input - [0:0]
    :ufw-logging-deny - [0:0]
    :ufw-logging-allow - [0:0]
    :ufw-user-limit - [0:0]
    :ufw-user-limit-accept - [0:0]
    -A ufw-user-input -p tcp --dport 22 -j ACCEPT
    -A ufw-user-input -p tcp -m multiport --dports 8000:8010 -j ACCEPT
    -A ufw-user-input -p tcp --dport 9000 -s 10.0.0.0/8 -j ACCEPT
    -A ufw-user-input -p tcp --dport 2222 -m conntrack --ctstate NEW -m recent --set
    -A ufw-user-input -p tcp --dport 2222 -m conntrack --ctstate NEW -m recent --update --seconds 30 --hitcount 6 -j ufw-user-limit
    -A ufw-user-input -p tcp --dport 2222 -j ufw-user-limit-accept
    -A ufw-after-logging-input -j LOG --log-prefix "[UFW BLOCK] " -m limit --limit 3/min --limit-burst 10
    -I ufw-logging-deny -m conntrack --ctstate INVALID -j RETURN -m limit --limit 3/min --limit-burst 10
    -A ufw-logging-deny -j LOG --log-prefix "[UFW BLOCK] " -m limit --limit 3/min --limit-burst 10
    -A ufw-logging-allow -j LOG --log-prefix "[UFW ALLOW] " -m limit --limit 3/min --limit-burst 10
    -A ufw-user-limit -m limit --limit 3/minute -j LOG --log-prefix "[UFW LIMIT BLOCK] "
    -A ufw-user-limit -j REJECT
    -A ufw-user-limit-accept -j ACCEPT
    COMMIT
    """#

  /// Written by hand with iptables.
  static let iptables = #"""
    *filter
    :INPUT DROP [0:0]
    :FORWARD ACCEPT [0:0]
    :OUTPUT ACCEPT [0:0]
    :IN - [0:0]
    -A INPUT -i lo -j ACCEPT
    -A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
    -A INPUT -p tcp -m tcp ! --tcp-flags FIN,SYN,RST,ACK SYN -m conntrack --ctstate NEW -j DROP
    -A INPUT -p udp -j ACCEPT
    -A INPUT -j IN
    -A INPUT -p tcp -m tcp --dport 5002 -j ACCEPT
    -A IN -p tcp -m multiport --dports 5000,5003:5004 -j ACCEPT
    -A IN -p tcp -m tcp --dport 5001 -j REJECT --reject-with icmp-port-unreachable
    -A IN -s 10.9.0.0/24 -p tcp -m tcp --dport 5005 -m comment --comment "a \"b\" -j DROP" -j ACCEPT
    -A IN ! -s 10.9.0.0/24 -p tcp -m tcp --dport 5006 -j ACCEPT
    -A IN -i veth+ -p tcp -m tcp --dport 5007 -j ACCEPT
    -A IN -i eth+ -p tcp -m tcp --dport 5008 -j ACCEPT
    -A IN -p tcp -j LOG --log-prefix "no -j ACCEPT"
    COMMIT
    """#
}
