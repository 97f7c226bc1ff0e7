const host = "${IP_ADDRESS}";
